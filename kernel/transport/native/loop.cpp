#include <utility>  // which Boost 1.74 forgets

#include "transport/native/loop.h"

#include <spdlog/spdlog.h>

#include "base/unsignalled.h"

namespace domed::native {

Loop::Loop(int threads) : context_(threads), busy_(context_.get_executor()) {
  const Unsignalled unsignalled;
  for (int i = 0; i < threads; ++i)
    threads_.emplace_back([this] {
      for (;;) try {
          context_.run();
          return;
        } catch (const std::exception& e) {  // costs what threw, and not the daemon
          spdlog::error("the transport met what it does not know: {}", e.what());
        }
    });
}

void Loop::join() {
  busy_.reset();
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

}  // namespace domed::native
