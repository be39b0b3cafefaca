#pragma once

#include <array>
#include <atomic>
#include <optional>

#include "client/lookup.h"
#include "client/wire.h"
#include "system/fd.h"

namespace domed {

// SP on a plain socket, over ipc and tcp.
//
// Over ipc it is asked who listens before a byte is sent (client/peer.h).
class SocketWire : public Wire {
 public:
  // Begins to connect to "url"; what is wrong is told by receive().
  SocketWire(const std::string& url, sp::Role role, const Peers& peers);

  pollfd interest() const override;
  int receive(std::vector<std::string>& messages) override;
  void flush() override;
  bool has_unsent() const override { return sent_ < unsent_.size(); }
  bool is_up() const override { return phase_ == Phase::up; }
  int send(std::string_view word, std::string_view body) override;
  std::optional<std::string> distrust() const override { return distrust_; }

 private:
  enum class Phase { looking_up, connecting, greeting, up };

  int connect_to(const sockaddr* address, socklen_t size);
  int connect_to_next();
  int greet();
  int go_on();
  int read(std::vector<std::string>& messages);
  int take(std::string_view bytes, std::vector<std::string>& messages);

  const std::string url_;
  const sp::Role role_;
  const sp::Carrier carrier_;
  const Peers& peers_;
  int failure_ = 0;
  Phase phase_ = Phase::connecting;
  std::optional<std::string> distrust_;
  std::optional<Lookup> lookup_;
  std::vector<Lookup::Address> addresses_;
  std::size_t next_address_ = 0;
  Fd socket_;
  std::string hello_;  // of the peer, as far as it came
  sp::Splitter splitter_;
  std::string unsent_;
  std::size_t sent_ = 0;               // of "unsent_"
  std::atomic<int> send_failure_ = 0;  // met by whoever sent, told by whoever receives
};

}  // namespace domed
