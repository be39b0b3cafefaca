#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "support/certificates.h"
#include "support/scratch.h"
#include "tls/client_context.h"
#include "tls/server_context.h"

namespace domed::test {

// A client and a server, each with what the other one said.
struct Pair {
  std::unique_ptr<tls::Session> client, server;
  std::string at_client, at_server;

  // Carries what each has to say to the other, until neither has.  "cut" says how much goes at once
  // of so many bytes.
  void carry(const std::function<std::size_t(std::size_t)>& cut = [](std::size_t all) {
    return all;
  }) {
    while (pass(*client, *server, at_server, cut) || pass(*server, *client, at_client, cut))
      continue;
  }
  bool is_up() const { return client->state() == kUp && server->state() == kUp; }

  static constexpr auto kUp = tls::Session::State::up;

 private:
  static bool pass(tls::Session& from, tls::Session& to, std::string& plain,
                   const std::function<std::size_t(std::size_t)>& cut) {
    if (from.outgoing().empty()) return false;
    const std::string part(from.outgoing().substr(0, cut(from.outgoing().size())));
    from.sent(part.size());
    to.receive(part, plain);
    return true;
  }
};

// A server that asks for certificates of its own authority, and clients of it.
class TlsTest : public ::testing::Test {
 public:
  const testing::Scratch scratch;
  const std::string directory = scratch.path();
  Authority authority{directory, "authority"};
  Shown ours = authority.issue_for_server();
  tls::ServerFiles files{ours.cert, ours.key, authority.file(), "", true};
  Wanted wanted{"ci"};

  // "most": TLS1_2_VERSION, or 0 for the newest.
  Pair meet(const tls::ServerContext& server, const tls::ClientFiles& client, int most = 0,
            const std::string& host = "localhost") const {
    Pair pair{tls::ClientContext(client).connect(host), server.accept(), "", ""};
    SSL_set_max_proto_version(pair.server->ssl(), most);
    pair.carry();
    return pair;
  }
  Pair meet(const Shown& shown, int most = 0) const {
    return meet(tls::ServerContext(files), {authority.file(), shown.cert, shown.key}, most);
  }
};

}  // namespace domed::test
