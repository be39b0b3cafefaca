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
// Threads are made by nng at the first of these.  Where there is a token, the one peer that nng
// finds is looked at before it is ours to send to, as over tcp (client/peer.h).
class NngWire : public Wire {
 public:
  // Throws Error where "url" is no URL.
  NngWire(const std::string& url, sp::Role role, const Peers& peers,
          const Credentials& credentials);
  ~NngWire() override;

  pollfd interest() const override { return {changed_.get(), POLLIN, 0}; }
  int receive(std::vector<std::string>& messages) override;
  bool is_up() const override { return up_; }
  int send(std::string_view word, std::string_view body) override;
  std::optional<std::string> distrust() const override;

 private:
  static void arrived(nng_pipe pipe, nng_pipe_ev event, void* self);
  static void came(void* self);
  static void connected(nng_pipe pipe, nng_pipe_ev event, void* self);
  static void left(nng_pipe pipe, nng_pipe_ev event, void* self);
  bool may_stay(nng_pipe pipe);
  void end(int failure);

  const std::string url_;
  const Peers& peers_;
  const bool gives_token_;
  Fd changed_;
  std::optional<Socket> socket_;
  nng_dialer dialer_ = NNG_DIALER_INITIALIZER;
  nng_aio* aio_ = nullptr;
  std::thread dialing_;  // a dial takes as long as its peer likes
  mutable std::mutex mutex_;
  bool met_ = false;  // a pipe came
  std::optional<std::string> distrust_;
  bool closing_ = false;
  std::atomic<bool> up_{false};
  int failure_ = 0;
  std::vector<std::string> messages_;
  std::size_t held_ = 0;  // bytes of "messages_"
  bool paused_ = false;
};

}  // namespace domed
