#include "console/shown_daemon.h"

#include <algorithm>

#include "protocol/endpoint.h"

namespace domed::console {
namespace {

// Without the sockets of this machine: over those the system says who asks, and that is the
// console.
std::string over_network(const std::string& endpoint) {
  std::string left;
  for (const auto& url : endpoints_of(endpoint))
    if (url_scheme(url) != "ipc") left += (left.empty() ? "" : ",") + url;
  return left;
}

}  // namespace

ShownDaemon::ShownDaemon(std::string name, std::string options, const NamedDaemon& place)
    : name_(std::move(name)),
      options_(std::move(options)),
      place_(place),
      endpoint_(control_endpoint(place.endpoint)),
      token_endpoint_(over_network(endpoint_)),
      client_(endpoint_, {}, nullptr, credentials_for(place)) {}

ShownDaemon::~ShownDaemon() {
  stop();
}

std::shared_ptr<Client> ShownDaemon::client_of(const std::string& token) const {
  Credentials credentials = credentials_for(place_);
  // A certificate is the console's own, and would say that it is the console who asks.
  credentials.files.cert = credentials.files.key = credentials.token_file = "";
  credentials.token = token;
  return std::make_shared<Client>(token_endpoint_, Patience{}, nullptr, std::move(credentials));
}

std::shared_ptr<Feed> ShownDaemon::feed(const std::string& job_id, std::uint64_t since) {
  const std::lock_guard lock(mutex_);
  if (auto feed = feeds_[job_id].lock()) return feed;
  std::erase_if(feeds_, [](const auto& item) { return item.second.expired(); });
  auto feed = std::make_shared<Feed>(client_, job_id, since);
  if (stopped_) feed->stop();
  feeds_[job_id] = feed;
  return feed;
}

std::shared_ptr<Board> ShownDaemon::board() {
  const std::lock_guard lock(mutex_);
  if (auto board = board_.lock()) return board;
  auto board = std::make_shared<Board>(client_);
  if (stopped_) board->stop();
  board_ = board;
  return board;
}

std::size_t ShownDaemon::feeds() {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(
      feeds_.begin(), feeds_.end(), [](const auto& item) { return !item.second.expired(); }));
}

void ShownDaemon::stop() {
  std::vector<std::shared_ptr<Feed>> feeds;
  std::shared_ptr<Board> board;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    board = board_.lock();
    for (auto& [id, feed] : feeds_)
      if (auto living = feed.lock()) feeds.push_back(std::move(living));
  }
  for (auto& feed : feeds) feed->stop();
  if (board) board->stop();
}

}  // namespace domed::console
