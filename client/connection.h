#pragma once

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "client/wire.h"
#include "system/fd.h"

namespace domed {

// What Channel (requests) and Subscription (frames) have in common: one connection to the first
// of a few URLs that answers, made again when it is lost, worked by the threads that wait for
// something of it.
//
// Who waits, works (await()): the first of them leads, which is to say that it alone connects,
// reads, and writes what could not be written at once; it takes messages for the others too, and
// wakes those that have what they wait for.  When it leaves, another one leads.  So a call alone
// goes from its thread to the socket and back, and no thread is woken on the way.  Where nobody
// waits nobody reads, unless there is a keeper: a thread that leads when nobody did for a few
// milliseconds.
//
// URLs are tried in their order.  The first that answers is kept until it fails; then it begins
// with the first again (behind one that fell silent, or was left, with the next), after a pause
// that doubles from 50 ms to 1 s while nothing is heard.  It connects only while somebody waits, or
// is kept.
//
// Thread-safe.  Never to be used in a forked child.
class Connection {
 public:
  using Clock = std::chrono::steady_clock;
  using Lock = std::unique_lock<std::mutex>;

  // Throws Error where there is no URL, or no descriptor is left.
  Connection(std::vector<std::string> urls, sp::Role role, Credentials credentials);
  // The derived class calls close() in its destructor.
  virtual ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The URL that is connected to or, where there is none, was last tried; all of them.
  std::string url() const;
  const std::vector<std::string>& urls() const { return urls_; }
  // Why nothing is sent to whom a URL leads to (client/peer.h, client/credentials.h); nullopt:
  // nothing is wrong, as far as it is known.
  std::optional<std::string> distrust() const;
  // Of the last round through all URLs that ended without a connection, what each failed with.
  struct Failure {
    std::string url;
    int error;  // errno
  };
  std::vector<Failure> failures() const;
  // How many threads wait for something, and work.
  int waiting() const;

 protected:
  // These are called with the lock held, by the thread that leads.
  virtual void connected() {}
  virtual void lost(int /*failure*/) {}
  // "messages" may be moved from.  False: they are nothing that this peer may send.
  virtual bool received(std::vector<std::string>& messages) = 0;
  // The next time at which something is to be done although nothing comes, and its doing.
  virtual Clock::time_point due() { return Clock::time_point::max(); }
  virtual void do_due(Clock::time_point /*now*/) {}
  // Called last, may let go of the lock.
  virtual void tell(Lock&) {}

  // Somebody waits, in await(), until woken here: what it waits for is there.
  class Waiter {
   public:
    void wake() { changed_.notify_one(); }

   private:
    friend class Connection;
    std::condition_variable_any changed_;
  };
  // Waits, with "lock" held again at the end, until over() is true, and returns true; false at
  // "until", when told to stop, and when the connection is being closed.  "slot" holds, meanwhile,
  // whom to wake when over() may have become true.
  bool await(Lock& lock, Clock::time_point until, const std::stop_token& stop,
             const std::function<bool()>& over, Waiter** slot = nullptr);
  // Takes what came, without waiting, where nobody leads: a connection that was lost since it was
  // last used is known to be then.
  void look(Lock& lock);
  // With the lock held.
  const std::string& url_in_use() const { return urls_[at_]; }
  // As Wire::send(), with the lock held, while it is up.
  int send(std::string_view word, std::string_view body);
  void wake_leader();
  void wake_all();
  // Has whoever leads look again at what to wait for; with the lock held.
  void look_again();
  // The next try comes at once, where none is under way.
  void try_now();
  // Ends the connection as with an error, so that another is made; as with "kLeft", at the next
  // URL.
  void drop(int failure);
  static constexpr int kLeft = ECONNABORTED;
  // From now on somebody leads although nobody waits, where is_wanted() says so.
  void keep();
  virtual bool is_wanted() { return true; }
  // To be called when is_wanted() came true by other means than a message.
  void leave_to_keeper();
  // Ends all waiting, and returns when nobody waits any more.
  void close();

  const Credentials credentials_;
  mutable std::mutex mutex_;
  bool up_ = false;
  bool ever_up_ = false;
  bool closing_ = false;
  std::uint64_t rounds_ = 0;       // through all URLs, that ended without a connection
  std::vector<Failure> failures_;  // of the last of these
  std::optional<std::string> distrust_;
  Clock::time_point heard_at_{};  // the last message

 private:
  void lead(Lock& lock, Clock::time_point until, const std::stop_token& stop,
            const std::function<bool()>& over);
  void follow(Lock& lock, Clock::time_point until, const std::stop_token& stop,
              const std::function<bool()>& over, Waiter** slot);
  bool work(Lock& lock, Clock::time_point until);
  void begin_attempt(Lock& lock, Clock::time_point now);
  void ended(Lock& lock, int failure, Clock::time_point now);
  void hand_over();
  void be_absent();
  void run_keeper(const std::stop_token& stop);

  const std::vector<std::string> urls_;
  const sp::Role role_;
  const Peers peers_;
  Fd wake_;  // an event: the leader is to come out of poll()
  std::unique_ptr<Wire> wire_;
  std::size_t at_ = 0;                // of "urls_"
  std::vector<Failure> failing_;      // of the round that is not over
  std::optional<std::string> found_;  // distrust, likewise
  int drop_ = 0;
  Clock::time_point try_at_{};        // without a wire: when the next is made
  Clock::time_point attempt_ends_{};  // of a wire that is not up
  std::chrono::milliseconds pause_;
  bool led_ = false, kept_ = false, woken_ = false;  // by anybody, by the keeper
  Clock::time_point sleeps_until_{};                 // the leader
  int users_ = 0;                                    // threads in await()
  std::condition_variable left_;
  std::vector<Waiter*> waiters_;  // that do not lead
  Fd absence_;                    // the keeper's timer: nobody leads for so long
  bool absent_ = false;           // it is set
  std::jthread keeper_;
};

}  // namespace domed
