#include "jobs/alarm.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cstdint>

namespace domed {

Alarm::Alarm() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Alarm::ring() const {
  eventfd_write(event_.get(), 1);
}

std::vector<std::string> Alarm::sleep(const std::map<std::string, int>& pidfds,
                                      Clock::time_point until) const {
  std::vector<pollfd> fds;
  for (const auto& [id, pidfd] : pidfds) fds.push_back({pidfd, POLLIN, 0});
  fds.push_back({event_.get(), POLLIN, 0});
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  const int timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, INT32_MAX));
  if (poll(fds.data(), fds.size(), timeout) <= 0) return {};
  eventfd_t news;
  if (fds.back().revents) eventfd_read(event_.get(), &news);
  std::vector<std::string> ended;
  auto fd = fds.begin();
  for (const auto& [id, pidfd] : pidfds)
    if ((fd++)->revents) ended.push_back(id);
  return ended;
}

}  // namespace domed
