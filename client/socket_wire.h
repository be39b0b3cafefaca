#pragma once

#include <array>
#include <atomic>
#include <optional>

#include "client/lookup.h"
#include "client/secure_stream.h"
#include "client/wire.h"
#include "system/fd.h"

namespace domed {

// SP on a socket, over ipc, tcp and TLS.
//
// Over ipc it is asked who listens before a byte is sent (client/peer.h), over tcp before a token
// is.  Over TLS the daemon's certificate must be for the host that the URL names, and of an
// authority that we trust; the files are read for each connection, so that they can be renewed.
class SocketWire : public Wire {
 public:
  // Begins to connect to "url"; what is wrong is told by receive().
  SocketWire(const std::string& url, sp::Role role, const Peers& peers,
             const Credentials& credentials);

  pollfd interest() const override;
  int receive(std::vector<std::string>& messages) override;
  void flush() override;
  bool has_unsent() const override;
  bool is_up() const override { return phase_ == Phase::up; }
  int send(std::string_view word, std::string_view body) override;
  std::optional<std::string> distrust() const override { return distrust_; }

 private:
  enum class Phase { looking_up, connecting, securing, greeting, up };

  int connect_to(const sockaddr* address, socklen_t size);
  int connect_to_next();
  int begin();
  int greet();
  int go_on();
  int read(std::vector<std::string>& messages);
  int decrypt(std::string_view cipher, std::vector<std::string>& messages);
  std::optional<std::string> objection_to_token() const;
  int take(std::string_view bytes, std::vector<std::string>& messages);
  ssize_t put(std::string_view first, std::string_view second);

  const std::string url_;
  const sp::Role role_;
  const sp::Carrier carrier_;
  const Peers& peers_;
  const Credentials& credentials_;
  int failure_ = 0;
  Phase phase_ = Phase::connecting;
  std::optional<std::string> distrust_;
  std::optional<Lookup> lookup_;
  std::vector<Lookup::Address> addresses_;
  std::size_t next_address_ = 0;
  Fd socket_;
  std::unique_ptr<SecureStream> stream_;  // over TLS
  std::string hello_;                     // of the peer, as far as it came
  sp::Splitter splitter_;
  std::string unsent_;
  std::size_t sent_ = 0;               // of "unsent_"
  std::atomic<int> send_failure_ = 0;  // met by whoever sent, told by whoever receives
};

}  // namespace domed
