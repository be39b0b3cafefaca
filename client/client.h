#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/json.h"
#include "client/channel.h"
#include "client/patience.h"
#include "client/trouble.h"
#include "protocol/api_error.h"

namespace domed {

struct CallOptions {
  std::chrono::milliseconds deadline{30'000};  // for the call with all its repetitions
  // For one attempt, beyond the params' own wait_ms; then the request goes out again.
  std::chrono::milliseconds reply_timeout{10'000};
  bool repeat = true;         // after a lost connection or a retryable error, with the same bytes
  bool await_daemon = false;  // wait, within the deadline, for a daemon that was never there
  std::stop_token stop;       // ends the call with E_STOPPED
  // Becomes the URL that the answer came from; outlives the call.
  std::string* answered_by = nullptr;
};

// The control side of a daemon.
//
// Errors are ApiError: the daemon's own names, or E_UNREACHABLE (no daemon, or
// no answer in time), E_UNTRUSTED (another user's daemon, client/peer.h, or TLS by which one of
// the two does not trust the other, client/credentials.h; nothing was sent), E_PROTOCOL (an answer
// that is none) and E_STOPPED.  Every method is idempotent, so a request that got no answer is
// simply sent again: where there are several URLs, which are nodes on one store, to the one that
// answers then.  A node that says that it stops, or that its store is away, is left for the next.
// Thread-safe; many calls are under way on one connection, and each is sent, and
// as a rule its reply read, by the thread that makes it.
class Client {
 public:
  // "endpoint" is a URL or several, as control_endpoint() gives it.  Nothing is dialled
  // before the first call, which waits for a daemon with "patience".  "tell" hears of what
  // calls and followers wait out.  "credentials": who we are to daemons over a network.
  explicit Client(std::string endpoint, Patience patience = {}, Trouble::Tell tell = nullptr,
                  Credentials credentials = Credentials::of_environment());

  // SubmitJob and RetryJob make a job, whose key is the submitter's own: where the answer of one
  // node was lost they are sent to another one only if that knows us as the same (WhoAmI).  Else
  // E_UNREACHABLE, at the deadline, says what is not known, and how to find out.
  Json call(std::string_view method, const Json& params, const CallOptions& options = {});
  // The result's own bytes, as the daemon sent them.
  std::string call_raw(std::string_view method, const Json& params,
                       const CallOptions& options = {});
  // "params" is a JSON object that goes out as it is.
  std::string call_text(std::string_view method, std::string_view params,
                        const CallOptions& options = {});

  // A request on its way: what its reply needs is done while others work.
  class Pending;
  // Sends a request whose result is asked for later; it is not repeated.  From the first of these
  // on a thread takes replies while nobody waits for one.
  std::shared_ptr<Pending> begin(std::string_view method, const Json& params,
                                 const CallOptions& options);
  // The result's own bytes.
  std::string finish(Pending& pending);

  // How many followers share this client: many fare better without frames.
  std::atomic<int>& followers() { return followers_; }
  // What all that share this client wait out.
  Trouble& trouble() { return trouble_; }

  // What all that share this client wait out; where it has several URLs, with the one that has it.
  void met(const ApiError& error);
  // The URL that is used now.
  std::string endpoint() const { return channel_.url(); }
  // "tell" hears that another URL answers than before.  To be called before the first call.
  using TellMove = std::function<void(const std::string& from, const std::string& to)>;
  void tell_moves(TellMove tell) { tell_move_ = std::move(tell); }
  const Credentials& credentials() const { return credentials_; }

 private:
  int dial(std::chrono::steady_clock::time_point begin, const CallOptions& options);
  bool may_come(std::chrono::steady_clock::time_point begin, const CallOptions& options,
                std::chrono::milliseconds passed) const;
  std::string repeated(const CallOptions& options, const std::function<std::string()>& attempt);
  std::shared_ptr<Pending> send(const std::string& request,
                                std::chrono::steady_clock::time_point begin,
                                const CallOptions& options, const std::string* only_at = nullptr);
  std::string taken(const Channel::Reply& reply, const Pending& pending);
  std::string request_text(std::string_view method, std::string_view params);
  struct Asked;
  struct Doubt;
  Asked who_answers(std::chrono::steady_clock::time_point begin, const CallOptions& options);
  std::string make_job(std::string_view method, const Json& params, const CallOptions& options);
  std::string submit_once(const std::string& request, std::chrono::steady_clock::time_point begin,
                          const CallOptions& options, std::optional<Doubt>& doubt);

  const Credentials credentials_;
  Channel channel_;
  const Patience patience_;
  Trouble trouble_;
  TellMove tell_move_;
  std::atomic<const std::string*> heard_from_{nullptr};  // of the channel's
  std::atomic<bool> waited_{false};  // a daemon was found, or patience is at its end
  std::once_flag told_;
  std::atomic<std::uint64_t> next_id_{1};
  std::atomic<int> followers_{0};
};

// Whether a node says by it that it stops, or that its store is away: another one may be well.
bool is_unwell(const ApiError& error);
// Whether the same request may succeed later: what the daemon said, else by name.
bool is_retryable(const ApiError& error);
// When the daemon wants to see it again (retry_ms).
std::optional<std::chrono::milliseconds> retry_after(const ApiError& error);
// A field of the error's data that is a whole number, such as head.
std::optional<std::uint64_t> number_field(const ApiError& error, const char* name);

// The result of a JSON-RPC reply, its own bytes.  Throws the error it carries
// as ApiError, its data as fields; E_PROTOCOL, naming "url", for anything else.
std::string result_of(std::string_view reply, const std::string& url);

}  // namespace domed
