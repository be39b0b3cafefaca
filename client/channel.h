#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

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

  // Connects, unless that was done before.  Returns 0 or nng's error.
  int dial();
  // Connects when and as soon as there is somebody to connect to.
  void background();

  // Sends "request"; waits for a connection where there is none.  "done" is
  // called once, from a thread of nng's, and must not block.
  void start(std::string_view request, std::chrono::milliseconds timeout, Done done);

  bool connected() const;
  // Waits for a connection, for "limit" at most or until told to stop.
  bool await_connection(std::chrono::milliseconds limit, const std::stop_token& stop);
  const std::string& url() const { return url_; }

 private:
  struct Exchange;

  static void step(void* exchange);
  static void pipe_changed(nng_pipe pipe, nng_pipe_ev event, void* channel);
  int start_dialer(int flags);
  bool receive(Exchange& exchange);
  Exchange& take();
  void give_back(Exchange& exchange);

  const std::string url_;
  Socket socket_;
  std::mutex dial_mutex_;
  bool dialed_ = false;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool closing_ = false;
  int receiving_ = 0;    // threads inside nng_ctx_recv
  std::set<int> pipes_;  // a refused peer is only ever removed, never added
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  std::vector<Exchange*> idle_;
};

}  // namespace domed
