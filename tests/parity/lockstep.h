#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/harness.h"

namespace domed::test {

// Two stores answered differently: the request, both answers, what came before.
class Divergence : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// One kernel on each store, all given the same requests one after the other, with
// the same clock and ids.  Replies are compared byte for byte.
class Lockstep {
 public:
  explicit Lockstep(const std::vector<std::string>& stores);

  // The reply that all gave.  Throws Divergence.
  Json request(const std::string& method, const Json& params);
  // What the daemon itself does to a job; returns the E_ name that it throws, "" where none.
  std::string change(const std::string& name, const std::string& job_id,
                     const std::function<void(JobLog&)>& what);
  // "early" is sent first and waits for "late", which is sent while it waits.
  void overtaking(const std::string& method, const Json& early, const Json& late);
  // Ends all kernels and starts them on what their stores kept.
  void restart();
  void turn_clock(std::int64_t microseconds);

  // The retained event lines of a job, alike in all.
  std::vector<std::string> lines(const std::string& job_id);
  std::uint64_t steps() const { return steps_; }
  // The latest operations, for a failure's text.
  std::string recent() const;

 private:
  struct Side {
    std::string store;
    std::unique_ptr<Scratch> scratch;
    std::unique_ptr<Kernel> kernel;
  };

  void note(const std::string& operation);
  std::string same(const std::vector<std::string>& answers) const;

  std::vector<Side> sides_;
  std::uint64_t steps_ = 0;
  std::deque<std::string> recent_;
};

}  // namespace domed::test
