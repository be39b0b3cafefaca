#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "client/connection.h"

namespace domed {

// Requests and replies over one connection (client/connection.h), any number of them at a time.
// Over a network a request, which is a JSON object, gets the token of our credentials as a member.
//
// A request is sent by the thread that has it.  One that lost its connection fails, and the
// caller decides; one that found none goes out with the next, if its time is not over by then.
// Replies to what nobody asked, or does not want any more, are dropped.
//
// Either callers wait for their own replies (begin(), finish()), and there is no thread but
// theirs; or one thread serves those that gave a callback (start(), serve()).  Thread-safe.
class Channel : public Connection {
 public:
  // The bytes of a reply, without its copying.
  class Reply {
   public:
    Reply() = default;
    Reply(std::string message, std::size_t begin) : message_(std::move(message)), begin_(begin) {}
    std::string_view body() const { return std::string_view(message_).substr(begin_); }
    // Where the request was sent; null: nowhere yet.  Lives as long as the channel.
    const std::string* url() const { return url_; }

   private:
    friend class Channel;
    std::string message_;
    std::size_t begin_ = 0;
    const std::string* url_ = nullptr;
  };
  // "result" is 0 or an error's number: ETIMEDOUT, ECONNRESET, ...
  using Done = std::function<void(int result, Reply reply)>;
  class Exchange;

  // Throws Error too where there is a token to be sent that cannot be read.
  explicit Channel(std::vector<std::string> urls,
                   Credentials credentials = Credentials::of_environment());
  // Requests under way end, for who waits with ECANCELED, otherwise without a word.  Returns when
  // nobody waits any more.
  ~Channel() override;

  // Connects, unless that was done before; waits for "limit" at most or until told to stop.
  // 0 or an error, ETIMEDOUT and ECANCELED for those two; of several URLs each has its own, see
  // failures().  An attempt that was not waited for goes on when the next call waits.
  int dial(std::chrono::milliseconds limit, const std::stop_token& stop);
  // Waits for a connection, for "limit" at most, until told to stop, or until there is
  // one that may not be used.
  bool await_connection(std::chrono::milliseconds limit, const std::stop_token& stop);

  // Sends "request".  Whoever has the exchange finishes it, or leaves it.  "only_at": it fails at
  // once, unsent, where another URL is connected to, or none.
  std::shared_ptr<Exchange> begin(std::string_view request, std::chrono::milliseconds timeout,
                                  const std::string* only_at = nullptr);
  // Waits for the reply; at most until it was to be there, or until told to stop (ECANCELED).  Also
  // of one that did not come "reply" tells where the request was sent.
  int finish(Exchange& exchange, const std::stop_token& stop, Reply& reply);
  // Has replies taken although nobody is in finish(): they may be large, and a peer drops who does
  // not read.
  void read_ahead();

  // Sends "request"; "done" is called once, by the thread in serve(), and must not wait.
  void start(std::string_view request, std::chrono::milliseconds timeout, Done done);
  // Connects and reconnects, reads, and calls what is done, until that happened, until "until", or
  // until it is interrupted.  For one thread.
  void serve(Clock::time_point until);
  void interrupt();

  // With several URLs the connection is given up, and the next URL tried: where a request had no
  // reply in time, and nothing at all came since; or where "url", one of urls(), cannot do what it
  // is asked.
  void doubt(const Exchange& exchange);
  void leave(const std::string& url);

 protected:
  void connected() override;
  void lost(int failure) override;
  bool received(std::vector<std::string>& messages) override;
  Clock::time_point due() override { return due_; }
  void do_due(Clock::time_point now) override;
  void tell(Lock& lock) override;
  bool is_wanted() override { return !under_way_.empty(); }

 private:
  using Id = std::uint32_t;
  std::shared_ptr<Exchange> add(std::string_view request, std::chrono::milliseconds timeout,
                                Done done);
  void transmit(Exchange& exchange, std::string_view request);
  void end(std::shared_ptr<Exchange> exchange, int result, Reply reply);
  void doubt_with_lock(const Exchange& exchange);

  const std::string token_;  // a member with its comma; empty: none
  Id next_id_;
  std::unordered_map<Id, std::shared_ptr<Exchange>> under_way_;
  std::deque<std::weak_ptr<Exchange>> unsent_;
  std::vector<std::shared_ptr<Exchange>> done_;       // not yet told
  Clock::time_point due_ = Clock::time_point::max();  // not later than the first deadline
  bool interrupted_ = false;
};

}  // namespace domed
