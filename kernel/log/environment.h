#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace domed {

// Where the kernel takes time and random identities from; a test gives fixed ones.
// Thread-safe.
class Environment {
 public:
  virtual ~Environment() = default;
  virtual std::int64_t now() = 0;       // microseconds since 1970; may step back
  virtual std::string random_id() = 0;  // 128 bits in lower-case hex

  // A time that is larger than any that this object gave before: the order of jobs.
  std::int64_t next_ordinal();
  // No later ordinal is at or below "ordinal".
  void pass_ordinal(std::int64_t ordinal);

 private:
  std::atomic<std::int64_t> last_ordinal_{0};
};

class SystemEnvironment final : public Environment {
 public:
  std::int64_t now() override;
  std::string random_id() override;
};

}  // namespace domed
