#pragma once

#include <sys/types.h>

#include <atomic>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/call.h"
#include "protocol/sp/framing.h"
#include "system/fd.h"
#include "tls/server_context.h"
#include "transport/access.h"
#include "transport/native/loop.h"
#include "transport/native/party.h"
#include "transport/native/piece.h"
#include "ws/session.h"

namespace domed::native {

// One peer's stream, from its hello to its end.
//
// What is sent leaves from the thread at hand while nothing is queued, and with the loop's help
// where the system takes no more.  Nothing is read while the peer has too many requests open, or
// too large ones, or leaves too much unread, by itself or as one of a party: it feels that, and
// nobody else does.
//
// Under TLS the same bytes are encrypted on their way to the socket, by whoever writes: no more of
// what is queued at a time than the system is about to take, so that it stays what the bounds
// count.  A WebSocket's request takes the place of the hello, and its frames that of SP's headers;
// what it has to say itself is queued as if it were a message.
//
// Thread-safe.  The lock is held over system calls that do not wait, and never over a call of the
// owner's: so a descriptor is not closed, and its number given to another, while it is used.
class Connection : public Unread, public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;

  // Whom the connection works for.  Called by threads of the loop; for one connection received()
  // may be called while an earlier call still runs.  Must outlive the loop.
  class Owner {
   public:
    // The peer said hello, as one that we talk to.
    virtual void greeted(const std::shared_ptr<Connection>& connection) = 0;
    // Each counts as open until finished().
    virtual void received(const std::shared_ptr<Connection>& connection,
                          std::vector<std::string> messages) = 0;
    // All that was queued is sent.
    virtual void flushed(Connection&) {}
    // Once, as the last call.
    virtual void gone(Connection& connection) = 0;

   protected:
    ~Owner() = default;
  };

  struct Rules {
    sp::Role ours = sp::Role::rep, theirs = sp::Role::req;
    bool may_talk = true;          // else a peer that sends anything is cut off
    std::size_t most_message = 0;  // bytes of one that is received
    std::size_t most_open = 0;
    std::size_t most_queued = 0;  // bytes: beyond it, here or of open requests, nothing is read;
    bool drops = false;           // or what is queued and not begun is dropped
    // Where it is given: counts the connections whose peer takes what is queued, but not at once.
    std::atomic<std::size_t>* waiting = nullptr;
  };

  Connection(std::shared_ptr<Loop> loop, Owner& owner, const Rules& rules, Fd socket,
             std::uint32_t id, Door door, sp::Carrier carrier, std::shared_ptr<Party> party,
             std::shared_ptr<const Caller> caller, std::shared_ptr<const Access> access,
             std::shared_ptr<const tls::ServerContext> tls, std::shared_ptr<const ws::Offer> web);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Says hello and waits for the peer's.
  void open();
  // Queues "piece", and sends what the system takes.  Does nothing when the peer is gone.
  void send(Piece piece);
  // Between the two, what is sent leaves with one write.
  void cork();
  void uncork();
  // A request of so many bytes is answered, or never will be.
  void finished(std::size_t bytes);
  // Nothing is read any more.
  void stop_reading();
  // Ends the connection; what is queued is dropped.
  void close();
  // The same by any thread, and soon: what is queued goes at once.
  void give_up();

  std::uint32_t id() const { return id_; }
  Door door() const { return door_; }
  sp::Carrier carrier() const { return carrier_; }
  Party& party() const { return *party_; }
  bool is_greeted() const;
  Clock::time_point since() const { return since_; }  // when it came
  // Whether nobody with a role was seen on it so far.
  bool is_stranger() const;
  // Since when its peer has had the time to say hello, or then to show a role; max: it did both.
  Clock::time_point owes_since() const;
  // Since when the system takes nothing of what is queued; max: nothing waits.
  Clock::time_point stuck_since() const;
  bool is_flushed() const;
  bool is_too_much() const override;
  bool is_gone() const override;
  // By the peer's certificate; empty: it showed none, or has not yet.
  std::string certificate_name() const;
  // Whose it is; null: over TLS that is not known yet.
  std::shared_ptr<const Caller> caller() const;
  // Why it would not be let in any more; nullopt: nothing is wrong, or it has to show a role again.
  std::optional<std::string> objection();
  // Why of this the time alone; quick.
  std::optional<std::string> expiry() const;
  // Why the peer is not let in, and whom that is of; fit for a line of the log.
  struct Refusal {
    std::string why, from;
  };
  std::optional<Refusal> refusal() const;
  // Messages that were dropped for want of a reader.
  std::uint64_t dropped() const;

 private:
  // Messages of the connection are handed over.
  class Turn {
   public:
    explicit Turn(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {
      if (connection_->turns_++ == 0) ++connection_->loop_->talking;
    }
    Turn(Turn&&) = default;
    ~Turn() {
      if (connection_ && --connection_->turns_ == 0) --connection_->loop_->talking;
    }
    Connection& connection() { return *connection_; }

   private:
    std::shared_ptr<Connection> connection_;
  };

  void await_reading();
  void readable();
  void hand_over(Turn turn, std::vector<std::string> messages);
  std::string_view decrypt(std::string_view cipher);
  void refuse(std::string why);
  bool take_stream(std::string_view bytes, std::vector<std::string>& messages);
  bool take_web(std::string_view bytes, std::vector<std::string>& messages);
  bool greet(std::string_view& bytes);
  void set_greeted();
  bool may_read() const;
  bool is_at_bound() const;
  std::ptrdiff_t change();
  void tell(std::ptrdiff_t change);
  bool has_unsent();
  void push(Piece piece);
  void say_goodbye();
  void encrypt();
  ssize_t write();
  void flush();
  void break_off();
  void writable();
  void await_writing();
  void count(bool waits);
  void taken(std::size_t bytes);
  void make_room(std::size_t bytes);

  const std::shared_ptr<Loop> loop_;
  Owner& owner_;
  const Rules rules_;
  const std::uint32_t id_;
  const Door door_;
  const sp::Carrier carrier_;
  const std::shared_ptr<Party> party_;
  const std::shared_ptr<const tls::ServerContext> tls_;  // null: it is spoken in the clear
  const std::shared_ptr<const Access> access_;           // says whose certificate may what
  const Clock::time_point since_ = Clock::now();
  std::atomic<int> turns_ = 0;

  // Of the turn that reads: there is one at a time.
  std::string hello_;
  sp::Splitter splitter_;
  std::optional<ws::Session> web_;  // instead of both
  std::size_t coming_ = 0;          // bytes of a request that is not whole yet

  mutable std::mutex mutex_;
  boost::asio::posix::stream_descriptor socket_;
  const std::unique_ptr<tls::Session> session_;
  std::shared_ptr<const Caller> caller_;
  std::optional<Refusal> refusal_;
  bool closed_ = false, greeted_ = false, stopped_ = false;
  Clock::time_point greeted_at_ = Clock::time_point::max();
  bool over_ = false;           // the peer said that nothing more comes
  bool broken_ = false;         // the peer takes nothing any more
  bool reading_ = false;        // a turn waits or runs
  std::string farewell_;        // what ends a WebSocket
  std::size_t unfinished_ = 0;  // coming_, for all to see
  std::size_t open_ = 0, open_bytes_ = 0;
  std::size_t told_ = 0;  // what its party has of it
  std::deque<Piece> queue_;
  std::size_t begun_ = 0;   // bytes of the first that are sent, or encrypted
  std::size_t queued_ = 0;  // bytes that are not
  bool corked_ = false, writing_ = false;
  bool counted_ = false;  // in Rules::waiting
  Clock::time_point stuck_since_ = Clock::time_point::max();
  std::uint64_t dropped_ = 0;
};

}  // namespace domed::native
