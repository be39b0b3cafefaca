#pragma once

#include <sys/resource.h>

namespace domed::testing {

// No more files can be opened while it lives.  UBSan needs one to look at an object's type: a test in
// which streams are used meanwhile has RanOutOfDescriptors in its name, and is not run under it.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace domed::testing
