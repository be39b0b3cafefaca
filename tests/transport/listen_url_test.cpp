#include "transport/listen_url.h"

#include <gtest/gtest.h>

namespace domed {
namespace {

constexpr const char* kBeyond =
    " is beyond loopback, which needs tls+tcp; use that, or 127.0.0.1, [::1] or localhost";

TEST(ListenUrl, LoopbackAndIpcAreAccepted) {
  for (const auto* url :
       {"ipc:///run/d/control.ipc", "tcp://127.0.0.1:7450", "tcp://127.9.9.9:1", "tcp://[::1]:7450",
        "tcp://localhost:65535", "ws://127.0.0.1:80/events", "wss://0.0.0.0:443/events"})
    EXPECT_EQ(check_listen_url(url), "");
}

TEST(ListenUrl, BeyondLoopbackIsRefused) {
  for (const auto* host :
       {"0.0.0.0", "192.168.1.1", "127.example.org", "127.1", "*", "example.org"})
    EXPECT_EQ(check_listen_url("tcp://" + std::string(host) + ":5000"),
              "cannot listen at 'tcp://" + std::string(host) + ":5000': '" + host + "'" + kBeyond);
  EXPECT_NE(check_listen_url("ws://[::]:80/"), "");
}

TEST(ListenUrl, TlsMayBeAnywhere) {
  for (const auto* host : {"127.0.0.1", "0.0.0.0", "[::]", "10.0.0.1", "example.org"})
    EXPECT_EQ(check_listen_url("tls+tcp://" + std::string(host) + ":5000"), "");
  for (const auto* url : {"tls+tcp://0.0.0.0", "tls+tcp://0.0.0.0:x", "tls+tcp://0.0.0.0:1/path"})
    EXPECT_NE(check_listen_url(url), "") << url;
}

TEST(ListenUrl, OtherSchemesAreRefused) {
  for (const auto* url :
       {"", "/run/x", "inproc://x", "http://127.0.0.1:80", "abstract://x", "ipc:/x"})
    EXPECT_EQ(check_listen_url(url),
              "cannot listen at '" + std::string(url) +
                  "': a listener's URL begins with ipc://, tcp://, ws://, tls+tcp:// or wss://");
}

TEST(ListenUrl, IpcPathFitsASocketAddress) {
  const std::string longest = "ipc:///" + std::string(106, 'x');
  EXPECT_EQ(check_listen_url(longest), "");
  EXPECT_NE(check_listen_url(longest + "x").find("its path has 108 bytes, a socket's may have 107"),
            std::string::npos);
  EXPECT_NE(check_listen_url(longest, 2).find("109 bytes (with the shard's suffix)"),
            std::string::npos);
  EXPECT_NE(check_listen_url("ipc://relative.ipc"), "");
}

TEST(ListenUrl, PortsAreChecked) {
  for (const auto* url : {"tcp://127.0.0.1", "tcp://127.0.0.1:", "tcp://127.0.0.1:x", "tcp://:80",
                          "tcp://127.0.0.1:65536", "tcp://127.0.0.1:-1", "tcp://127.0.0.1:80/path"})
    EXPECT_NE(check_listen_url(url), "") << url;
  EXPECT_EQ(check_listen_url("tcp://127.0.0.1:65533", 3), "");
  EXPECT_NE(check_listen_url("tcp://127.0.0.1:65534", 3), "");
}

TEST(ListenUrl, ShardsTakeSuffixesAndPorts) {
  using List = std::vector<std::string>;
  EXPECT_EQ(listen_places("ipc:///e", 3), (List{"ipc:///e", "ipc:///e.1", "ipc:///e.2"}));
  EXPECT_EQ(listen_places("tcp://[::1]:99", 2), (List{"tcp://[::1]:99", "tcp://[::1]:100"}));
  EXPECT_EQ(listen_places("ws://127.0.0.1:80/x", 2),
            (List{"ws://127.0.0.1:80/x", "ws://127.0.0.1:81/x"}));
  EXPECT_EQ(listen_places("tcp://127.0.0.1:0", 2), List{});
}

}  // namespace
}  // namespace domed
