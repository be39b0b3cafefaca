#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "client/wire.h"
#include "system/fd.h"
#include "transport/nng/socket.h"

namespace domed {

// A connection by way of nng, for what we do not speak ourselves: ws.
//
// A raw socket of nng's, with one pipe: requests and frames are then what they are on the wire.
// Threads are made by nng at the first of these.
class NngWire : public Wire {
 public:
  // Throws Error where "url" is no URL.
  NngWire(const std::string& url, sp::Role role);
  ~NngWire() override;

  pollfd interest() const override { return {changed_.get(), POLLIN, 0}; }
  int receive(std::vector<std::string>& messages) override;
  bool is_up() const override { return up_; }
  int send(std::string_view word, std::string_view body) override;

 private:
  static void came(void* self);
  static void connected(nng_pipe pipe, nng_pipe_ev event, void* self);
  static void left(nng_pipe pipe, nng_pipe_ev event, void* self);
  void end(int failure);

  Fd changed_;
  std::optional<Socket> socket_;
  nng_dialer dialer_ = NNG_DIALER_INITIALIZER;
  nng_aio* aio_ = nullptr;
  std::thread dialing_;  // a dial takes as long as its peer likes
  std::mutex mutex_;
  bool closing_ = false;
  std::atomic<bool> up_{false};
  int failure_ = 0;
  std::vector<std::string> messages_;
  std::size_t held_ = 0;  // bytes of "messages_"
  bool paused_ = false;
};

}  // namespace domed
