#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "transport/native/connection.h"
#include "transport/native/listener.h"
#include "transport/refusals.h"

namespace domed::native {

// The connections of one socket: who is let in, how many, and which must go.  Thread-safe.
class Hub {
 public:
  struct Limits {
    std::size_t most = 4096;                  // connections
    std::chrono::milliseconds hello{10'000};  // within which a peer says it, and shows a role then
    std::chrono::milliseconds unread = std::chrono::milliseconds::max();  // a reply
  };

  // The owner of the connections must outlive the loop.
  Hub(std::shared_ptr<Loop> loop, Connection::Owner& owner, Connection::Rules rules, Limits limits);
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // What lets in who came to "place", or closes the connection.
  Listener::Take door_of(const Place& place);
  // Called by the owner, for one that said hello, and for one that is gone.
  void greeted() { ++greeted_; }
  void forget(const Connection& connection);
  // From now on nobody is let in, and nothing is read.
  void shut();
  void close_all();
  // Ends the connections whose certificate would not be taken any more, or whose token is gone.
  void look_again_at_identities();

  // Connections whose peer said hello.
  std::size_t size() const { return greeted_; }
  // Whether all that was to be sent is.
  bool is_flushed() const;

 private:
  void let_in(Fd socket, sp::Carrier carrier, const Place& place,
              const std::shared_ptr<const ws::Offer>& web);
  bool make_room(const std::string& party);
  std::vector<std::shared_ptr<Connection>> all() const;
  void look();
  void look_again();

  const std::shared_ptr<Loop> loop_;
  Connection::Owner& owner_;
  const Connection::Rules rules_;
  const Limits limits_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint32_t, std::shared_ptr<Connection>> connections_;
  std::unordered_map<std::string, std::shared_ptr<Party>> parties_;  // of these, by name
  Refusals refusals_;
  bool shut_ = false, looking_ = false;
  std::atomic<std::size_t> greeted_ = 0;
  boost::asio::steady_timer timer_;
};

}  // namespace domed::native
