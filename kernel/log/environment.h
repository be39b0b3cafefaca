#pragma once

#include <cstdint>
#include <mutex>
#include <string>

namespace domed {

// Where the kernel takes time and random identities from; a test gives fixed ones.
// Thread-safe.
class Environment {
 public:
  virtual ~Environment() = default;
  virtual std::int64_t now() = 0;       // microseconds since 1970; may step back
  virtual std::string random_id() = 0;  // 128 bits in lower-case hex
  virtual std::string revision() = 0;   // kRevisionBytes random bytes, for one entry of a job
};

class SystemEnvironment final : public Environment {
 public:
  std::int64_t now() override;
  std::string random_id() override;
  std::string revision() override;

 private:
  std::mutex mutex_;
  std::string random_;  // to be given out: one call of the system for many revisions
};

}  // namespace domed
