#pragma once

#include <new>
#include <utility>

#include "domed/error.h"

namespace domed {

// What "body" returns.  Beside a call that breaks the rules memory is all that can fail in these
// stores, and only domed::Error may come out of one.
template <class F>
auto guarded(F&& body) {
  try {
    return std::forward<F>(body)();
  } catch (const std::bad_alloc&) {
    throw Error(Code::exhausted, "store-memory: out of memory: trim or delete jobs");
  }
}

}  // namespace domed
