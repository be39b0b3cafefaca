#include "client/subscription.h"

#include <algorithm>
#include <cstring>

#include "domed/error.h"

namespace domed {
namespace {

constexpr std::size_t kHeldMessages = 8192;
constexpr std::size_t kHeldBytes = 64 << 20;

std::vector<std::string> one_url(const std::string& url) {
  if (const int error = url_error(url))
    throw Error(Code::invalid_argument, "cannot subscribe at " + url + ": " + strerror(error));
  return {url};
}

}  // namespace

Subscription::Subscription(const std::string& url, std::vector<std::string> topics,
                           Credentials credentials)
    : Connection(one_url(url), sp::Role::sub, std::move(credentials)), topics_(std::move(topics)) {
  const std::lock_guard lock(mutex_);
  keep();
}

Subscription::~Subscription() {
  close();
}

bool Subscription::is_ours(std::string_view message) const {
  return std::any_of(topics_.begin(), topics_.end(),
                     [&](const std::string& topic) { return message.starts_with(topic); });
}

bool Subscription::received(std::vector<std::string>& messages) {
  for (auto& message : messages) {
    if (!is_ours(message)) continue;
    bytes_ += message.size();
    messages_.push_back(std::move(message));
    while (messages_.size() > kHeldMessages || bytes_ > kHeldBytes) {
      bytes_ -= messages_.front().size();
      messages_.pop_front();
    }
  }
  if (!messages_.empty()) wake_all();
  return true;
}

void Subscription::await_connection(std::chrono::milliseconds time) {
  Lock lock(mutex_);
  await(lock, Clock::now() + time, {}, [this] { return up_; });
}

std::optional<std::string> Subscription::next(Clock::time_point until,
                                              const std::stop_token& stop) {
  Lock lock(mutex_);
  if (messages_.empty()) look(lock);
  if (!await(lock, until, stop, [this] { return !messages_.empty(); })) return std::nullopt;
  std::string message = std::move(messages_.front());
  messages_.pop_front();
  bytes_ -= message.size();
  return message;
}

}  // namespace domed
