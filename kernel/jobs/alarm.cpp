#include "jobs/alarm.h"

#include <poll.h>
#include <sys/eventfd.h>

namespace domed {

Alarm::Alarm(Fd steps) : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), steps_(std::move(steps)) {}

void Alarm::ring() const {
  eventfd_write(event_.get(), 1);
}

std::vector<std::string> Alarm::sleep(const std::map<std::string, int>& pidfds,
                                      Clock::time_point until) const {
  std::vector<pollfd> fds{
      {event_.get(), POLLIN, 0}, {steps_.get(), POLLIN, 0}, {timer_.fd(), POLLIN, 0}};
  const std::size_t own = fds.size();
  for (const auto& [id, pidfd] : pidfds) fds.push_back({pidfd, POLLIN, 0});
  timer_.set(until);
  if (poll(fds.data(), fds.size(), -1) <= 0) return {};
  eventfd_t news;
  if (fds[0].revents) eventfd_read(event_.get(), &news);
  if (fds[1].revents) forget_steps(steps_.get());
  std::vector<std::string> ended;
  auto fd = fds.begin() + static_cast<std::ptrdiff_t>(own);
  for (const auto& [id, pidfd] : pidfds)
    if ((fd++)->revents) ended.push_back(id);
  return ended;
}

}  // namespace domed
