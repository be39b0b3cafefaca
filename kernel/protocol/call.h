#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <string_view>

#include "base/fair_queue.h"
#include "protocol/api_error.h"
#include "protocol/identity.h"

namespace domed {

// How whoever asks is connected: "ipc" is a process of this machine, "guest" one that may not see
// what the daemon's user may; "network" may be anywhere; "gone": it left before it was asked.
enum class Door { ipc, guest, network, gone };

// What a connection was answered and has not read yet.  Thread-safe.
class Unread {
 public:
  virtual ~Unread() = default;
  virtual bool is_too_much() const = 0;
  virtual bool is_gone() const = 0;  // nobody reads it any more
};

// The client that a request came from.
struct Peer {
  std::uint32_t pipe = 0;  // its connection, as long as that lives
  Door door = Door::gone;
  // Nothing else came with it, so who brought it may take the time of a commit.
  bool alone = true;
  std::shared_ptr<const Caller> caller{};  // null: nobody who may anything
  std::weak_ptr<const Unread> unread{};    // empty: not known

  // Throws ApiError(E_BUSY) where it is gone, or leaves too much unread: an answer of some size
  // would wait in memory, too.
  void must_read() const;
  // Nobody is there to hear an answer.
  bool is_gone() const;
};

struct Call;

// Hears of every answer, and knows who may have one.  Thread-safe.
class Answers {
 public:
  virtual ~Answers() = default;
  virtual void answered(const Call& call, std::string_view error) = 0;  // E_…, or "" of a result
  // Whether whoever sent "call" may still ask for its method; the other throws
  // ApiError(E_FORBIDDEN) where not, and else gives them as they are now.
  virtual bool may_still(const Call& call) const = 0;
  virtual IdentityPtr must_still_be_allowed(const Call& call) const = 0;
};

// One request under way: its params and the way back.  Answered exactly once.
struct Call {
  std::string id = "null", params = "{}";
  Peer peer{};
  IdentityPtr who = nobody();  // never null
  std::function<void(std::string)> reply;
  Answers* answers = nullptr;  // may be null: whoever asks then may
  // For those: when the request came, its method ("": not known yet), and whether the answer was
  // put off because the client asked for that.
  std::chrono::steady_clock::time_point came{};
  std::string_view method{};
  bool waited = false;
  // Hears how it was answered, before that goes out: by a result (of one that is made where it is
  // sent from, nothing), or else why not.  May be empty.
  std::function<void(std::string_view result, const ApiError* refusal)> outcome{};

  // Roles change while a request waits: what was held for somebody is asked again before it goes
  // on.  Throws ApiError(E_FORBIDDEN), or says false; gives "who" as that is now, whose role may
  // be a lesser one that still does for the method.
  IdentityPtr must_still_be_allowed() const;
  bool may_still() const { return !answers || answers->may_still(*this); }

  // It waits with all else that those ask who sent it, by whatever connection.
  Sender sender() const { return {peer.pipe, std::hash<std::string>{}(who->name)}; }

  // For an answer that comes later than its change: "outcome" hears of that now, by the result as
  // it is so far, and not again.
  void changed(std::string_view json);
  void result(std::string_view json) const;
  // For a result of many bytes, which is made where it is sent from: what stands before it, with
  // room for about "bytes" of it; then all of that, to answer with.
  std::string begin_result(std::size_t bytes) const;
  void end_result(std::string text) const;
  void error(const ApiError& e) const;
  void error(std::exception_ptr e) const;
};

}  // namespace domed
