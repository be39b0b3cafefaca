#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "client/peer.h"
#include "transport/nng/socket.h"

namespace domed {

// Requests and replies over one connection, many at a time.
//
// nng's own re-send is off: a request that lost its connection fails, and the
// caller decides.  nng redials by itself once dial() succeeded or background()
// was called.  A receive is only begun when its send is complete, and nothing is
// ever cancelled in between (nng #1702).  Thread-safe.
class Channel {
 public:
  // "result" is 0 or nng's error number; "reply" is set where it is 0.
  using Done = std::function<void(int result, Message reply)>;

  explicit Channel(std::string url);
  // Requests in flight end with NNG_ECLOSED.  Not to be called from a Done.
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Connects, unless that was done before; waits for "limit" at most or until told to
  // stop.  Returns 0 or nng's error, NNG_ETIMEDOUT and NNG_ECANCELED for those two.  An
  // attempt that was not waited for goes on, and the next call waits for it.
  int dial(std::chrono::milliseconds limit, const std::stop_token& stop);
  // Connects when and as soon as there is somebody to connect to.
  void background();

  // Sends "request"; waits for a connection where there is none.  "done" is
  // called once, from a thread of nng's, and must not block.
  void start(std::string_view request, std::chrono::milliseconds timeout, Done done);

  // Why nothing is sent to whom the URL leads to (client/peer.h); nullopt: nothing is
  // wrong, as far as it is known.
  std::optional<std::string> distrust() const;
  bool connected() const;
  // Waits for a connection, for "limit" at most, until told to stop, or until there is
  // one that may not be used.
  bool await_connection(std::chrono::milliseconds limit, const std::stop_token& stop);
  const std::string& url() const { return url_; }

 private:
  struct Exchange;

  static void step(void* exchange);
  static void pipe_changed(nng_pipe pipe, nng_pipe_ev event, void* channel);
  static void pipe_found(nng_pipe pipe, nng_pipe_ev event, void* channel);
  int begin_dialing();
  void finish_dialing();
  bool receive(Exchange& exchange);
  Exchange& take();
  void give_back(Exchange& exchange);

  const std::string url_;
  const Peers peers_;
  Socket socket_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool dialed_ = false, dialing_ = false;
  int dial_result_ = 0;         // of the last attempt that is over
  std::uint64_t attempts_ = 0;  // that are over
  nng_dialer dialer_ = NNG_DIALER_INITIALIZER;
  std::thread dial_thread_;  // a dial takes as long as its peer likes
  std::optional<std::string> distrust_;
  bool closing_ = false;
  int receiving_ = 0;    // threads inside nng_ctx_recv
  std::set<int> pipes_;  // a refused peer is only ever removed, never added
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  std::vector<Exchange*> idle_;
};

}  // namespace domed
