#include "nodes/heartbeat.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>

namespace domed {

void Heartbeat::start(std::chrono::milliseconds every, std::function<bool()> beat) {
  thread_ = std::jthread([every, beat = std::move(beat)](const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    while (!never.wait_for(lock, stop, every, [&] { return stop.stop_requested(); })) try {
        if (!beat()) return;
      } catch (const std::exception&) {
      }
  });
}

void Heartbeat::stop() noexcept {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

}  // namespace domed
