#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>

#include "support.h"

namespace domed::test {
namespace {

using testing::Test;

mode_t mode_of(const std::string& path) {
  struct stat status {};
  lstat(path.c_str(), &status);
  return status.st_mode & 07777;
}

std::string start_refusal(const std::string& url) {
  return refusal([&] { EchoServer server(url); });
}

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(Endpoint, MakesAPrivateDirectoryAndSocket) {
  Scratch scratch;
  EchoServer server(scratch.url("a/b/control.ipc"));
  EXPECT_EQ(mode_of(scratch.path("a")), 0700u);
  EXPECT_EQ(mode_of(scratch.path("a/b")), 0700u);
  EXPECT_EQ(mode_of(scratch.path("a/b/control.ipc")), 0600u);
  EXPECT_TRUE(server.answers());
}

TEST(Endpoint, OpensTheSocketToAGroup) {
  Scratch scratch;
  ControlOptions options = control_options(scratch.url("group/control.ipc"));
  options.listen.group = std::to_string(getegid());
  EchoServer server(options);
  EXPECT_EQ(mode_of(scratch.path("group")), 0750u);
  EXPECT_EQ(mode_of(scratch.path("group/control.ipc")), 0660u);
  EXPECT_TRUE(server.answers());
}

TEST(Endpoint, RefusesAGroupThatDoesNotExist) {
  Scratch scratch;
  ControlOptions options = control_options(scratch.url("control.ipc"));
  options.listen.group = "no-such-group-here";
  EXPECT_SAYS(refusal([&] { EchoServer server(options); }), "no group 'no-such-group-here'");
}

TEST(Endpoint, RefusesARegularFileAndLeavesItAlone) {
  Scratch scratch;
  std::ofstream(scratch.path("control.ipc")) << "precious";
  EXPECT_SAYS(start_refusal(scratch.url("control.ipc")), "exists and is not a socket");
  EXPECT_EQ(std::filesystem::file_size(scratch.path("control.ipc")), 8u);
}

TEST(Endpoint, RefusesASecondServerAndTheFirstStillAnswers) {
  Scratch scratch;
  EchoServer first(scratch.url("control.ipc"));
  const std::string text = start_refusal(scratch.url("control.ipc"));
  EXPECT_SAYS(text, "is served by another domed (pid " + std::to_string(getpid()) + ")");
  EXPECT_TRUE(first.answers());
}

TEST(Endpoint, MayBeServedAgainAfterShutdown) {
  Scratch scratch;
  EchoServer first(scratch.url("control.ipc"));
  first.shutdown(std::chrono::seconds(1));
  EchoServer second(scratch.url("control.ipc"));
  EXPECT_TRUE(second.answers());
}

TEST(Endpoint, TakesOverTheSocketOfAKilledServer) {
  Scratch scratch;
  Process killed({GUARDED, "server", scratch.url("control.ipc")});
  ASSERT_TRUE(killed.wait_ready());
  EXPECT_SAYS(start_refusal(scratch.url("control.ipc")), "is served by another domed");
  killed.kill_now();
  ASSERT_TRUE(std::filesystem::exists(scratch.path("control.ipc")));
  EXPECT_TRUE(EchoServer(scratch.url("control.ipc")).answers());
}

TEST(Endpoint, AcceptsTheLongestPathAndRefusesALongerOne) {
  Scratch scratch;
  const std::size_t room = 107 - scratch.path("").size();
  EXPECT_TRUE(EchoServer(scratch.url(std::string(room, 'x'))).answers());
  EXPECT_SAYS(start_refusal(scratch.url(std::string(room + 1, 'x'))),
              "is 108 bytes long, a socket's path at most 107");
}

TEST(Endpoint, RefusesARelativePath) {
  EXPECT_SAYS(start_refusal("ipc://control.ipc"), "is not an absolute path");
}

TEST(Endpoint, RefusesADirectoryOfSomebodyElse) {
  Scratch scratch;
  std::string directory = "/usr";
  if (geteuid() == 0) {
    directory = scratch.path("theirs");
    std::filesystem::create_directory(directory);
    ASSERT_EQ(chown(directory.c_str(), 65534, 65534), 0);
  }
  EXPECT_SAYS(start_refusal("ipc://" + directory + "/control.ipc"), "belongs to uid");
}

TEST(Endpoint, RefusesADirectoryThatIsASymbolicLink) {
  Scratch scratch;
  std::filesystem::create_directory(scratch.path("real"));
  std::filesystem::create_directory_symlink(scratch.path("real"), scratch.path("link"));
  EXPECT_SAYS(start_refusal(scratch.url("link/control.ipc")), "is a symbolic link");
}

TEST(Endpoint, RefusesADirectoryThatOthersMayWrite) {
  Scratch scratch;
  std::filesystem::create_directory(scratch.path("open"));
  ASSERT_EQ(chmod(scratch.path("open").c_str(), 0777), 0);
  EXPECT_SAYS(start_refusal(scratch.url("open/control.ipc")), "can be written by others");
}

TEST(Endpoint, RefusesADirectoryThatOthersMayEnter) {
  Scratch scratch;
  for (const mode_t mode : {0755u, 0770u, 0711u, 0701u}) {
    const std::string name = "dir" + std::to_string(mode);
    std::filesystem::create_directory(scratch.path(name));
    ASSERT_EQ(chmod(scratch.path(name).c_str(), mode), 0);
    EXPECT_SAYS(start_refusal(scratch.url(name + "/control.ipc")), "chmod 700");
  }
}

TEST(Endpoint, LetsOnlyTheGroupIntoAnOldDirectory) {
  Scratch scratch;
  ControlOptions options = control_options(scratch.url("dir/control.ipc"));
  options.listen.group = std::to_string(getegid());
  std::filesystem::create_directory(scratch.path("dir"));
  for (const mode_t mode : {0755u, 0770u, 0711u, 0701u}) {
    ASSERT_EQ(chmod(scratch.path("dir").c_str(), mode), 0);
    EXPECT_SAYS(refusal([&] { EchoServer server(options); }), "chmod 750");
  }
  ASSERT_EQ(chmod(scratch.path("dir").c_str(), 0750), 0);
  EXPECT_TRUE(EchoServer(options).answers());
}

TEST(Endpoint, RefusesAnAncestorThatOthersMayReplace) {
  Scratch scratch;
  std::filesystem::create_directories(scratch.path("open/mine"));
  ASSERT_EQ(chmod(scratch.path("open/mine").c_str(), 0700), 0);
  ASSERT_EQ(chmod(scratch.path("open").c_str(), 0777), 0);
  const std::string text = start_refusal(scratch.url("open/mine/control.ipc"));
  EXPECT_SAYS(text, scratch.path("open") + " can be written by others (mode 0777)");
  EXPECT_SAYS(start_refusal(scratch.url("open/new/control.ipc")), "can be written by others");
  EXPECT_FALSE(std::filesystem::exists(scratch.path("open/new")));
}

TEST(Endpoint, MakesNothingInAStickyDirectory) {
  Scratch scratch;
  std::filesystem::create_directory(scratch.path("tmp"));
  ASSERT_EQ(chmod(scratch.path("tmp").c_str(), 01777), 0);
  EXPECT_SAYS(start_refusal(scratch.url("tmp/domed/control.ipc")), "any user could make it first");
  EXPECT_FALSE(std::filesystem::exists(scratch.path("tmp/domed")));
  std::filesystem::create_directory(scratch.path("tmp/domed"));
  ASSERT_EQ(chmod(scratch.path("tmp/domed").c_str(), 0700), 0);
  EXPECT_TRUE(EchoServer(scratch.url("tmp/domed/deep/control.ipc")).answers());
}

TEST(Endpoint, MakesPrivateDirectoriesWhateverTheUmask) {
  Scratch scratch;
  for (const mode_t mask : {0000u, 0777u}) {
    const std::string name = "a" + std::to_string(mask);
    const mode_t before = umask(mask);
    EXPECT_TRUE(EchoServer(scratch.url(name + "/b/control.ipc")).answers());
    umask(before);
    for (const auto& dir : {name, name + "/b"}) EXPECT_EQ(mode_of(scratch.path(dir)), 0700u) << dir;
  }
}

TEST(Endpoint, RefusesASocketThatAnotherProgramListensAt) {
  Scratch scratch;
  RawListener other(scratch.path("control.ipc"));
  EXPECT_SAYS(start_refusal(scratch.url("control.ipc")), "another program listens at");
  EXPECT_TRUE(std::filesystem::exists(scratch.path("control.ipc")));
}

// Whether a request is answered that comes as a browser would send it, with these headers.
bool serves_page(const std::string& url, const std::string& headers) {
  RawPeer peer(url);
  peer.write(web_request(url, "rep", headers));
  if (!starts(peer.read_head(), "HTTP/1.1 101")) return false;
  peer.send_request("ping");
  return peer.read_message(sp::Carrier::web) == std::string("\x80\0\0\x01ping", 8);
}

TEST(Endpoint, LetsInNoWebPageWhoseOriginIsNotListed) {
  ControlOptions options = control_options("ws://127.0.0.1:0/x");
  options.urls[0].origins = {"http://localhost:8080"};
  EchoServer server(options);
  EXPECT_TRUE(server.answers()) << "one without an origin is no page";
  EXPECT_TRUE(serves_page(server.url(), "Origin: http://localhost:8080\r\n"));
  EXPECT_TRUE(serves_page(server.url(), ""));
  for (const auto* origin :
       {"http://localhost:80801", "http://localhost", "http://LOCALHOST:8080", "null", "",
        "http://localhost:8080, http://evil.example", "https://localhost:8080",
        "http://localhost:8080\r\nOrigin: http://evil.example"})
    EXPECT_FALSE(serves_page(server.url(), "oRIGIN: " + std::string(origin) + "\r\n")) << origin;
}

TEST(Endpoint, LetsInNoWebPageWhereNoOriginIsListed) {
  EchoServer server("ws://127.0.0.1:0/x");
  EXPECT_TRUE(serves_page(server.url(), ""));
  EXPECT_FALSE(serves_page(server.url(), "Origin: http://localhost:8080\r\n"));
}

TEST(Endpoint, RefusesToListenBeyondLoopback) {
  EXPECT_SAYS(start_refusal("tcp://0.0.0.0:0"), "open to other machines");
  EXPECT_SAYS(start_refusal("tcp://*:0"), "open to other machines");
  EXPECT_SAYS(start_refusal("tcp://192.0.2.1:5555"), "open to other machines");
  EXPECT_SAYS(start_refusal("ws://192.0.2.1:5555/x"), "open to other machines");
}

TEST(Endpoint, RefusesTlsWithoutACertificate) {
  ControlOptions options = control_options("tcp://127.0.0.1:0");
  options.urls = {"tls+tcp://127.0.0.1:0"};
  EXPECT_SAYS(refusal([&] { EchoServer server(options); }), "needs a certificate and its key");
}

TEST(Endpoint, RefusesAnUnknownTransport) {
  EXPECT_SAYS(start_refusal("udp://127.0.0.1:1"), "udp://127.0.0.1:1");
  EXPECT_SAYS(start_refusal("nonsense"), "nonsense");
}

TEST(Endpoint, SaysWhenATcpAddressIsTaken) {
  EchoServer first("tcp://127.0.0.1:0");
  EXPECT_SAYS(start_refusal(first.url()), "is in use by another program");
  EXPECT_TRUE(first.answers());
}

TEST(Endpoint, ListensOnSeveralTransports) {
  Scratch scratch;
  ControlOptions options = control_options(scratch.url("control.ipc"));
  options.urls.push_back("tcp://127.0.0.1:0");
  EchoServer server(options);
  for (const std::string& url : server.urls()) EXPECT_EQ(ask(url, "ping"), "ping") << url;
}

TEST(Endpoint, GivesEachShardItsAddress) {
  EXPECT_EQ(shard_url("ipc:///run/events.ipc", 0), "ipc:///run/events.ipc");
  EXPECT_EQ(shard_url("ipc:///run/events.ipc", 3), "ipc:///run/events.ipc.3");
  EXPECT_EQ(shard_url("tcp://127.0.0.1:5000", 3), "tcp://127.0.0.1:5003");
  EXPECT_EQ(shard_url("tcp://[::1]:5000", 1), "tcp://[::1]:5001");
  EXPECT_EQ(shard_url("ws://127.0.0.1:5000/events", 2), "ws://127.0.0.1:5002/events");
  EXPECT_SAYS(refusal([] { shard_url("tcp://127.0.0.1:65535", 1); }), "no port for shard 1");
}

TEST(Endpoint, RaisesTheDescriptorLimit) {
  rlimit before{}, now{};
  getrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(before.rlim_cur, raise_descriptor_limit());
  getrlimit(RLIMIT_NOFILE, &now);
  EXPECT_EQ(now.rlim_cur, now.rlim_max);
  EXPECT_LE(pipe_bound(2) * 2, now.rlim_cur);
}

}  // namespace
}  // namespace domed::test
