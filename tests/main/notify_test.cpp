#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "support/scratch.h"
#include "system/fd.h"

namespace domed {
namespace {

// A service manager with one service: a daemon of its own.
class NotifyTest : public ::testing::Test {
 protected:
  void start(bool abstract) {
    const std::string path = (scratch_.path() / "notify").string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (abstract) address.sun_path[0] = '\0';
    socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(0, bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size())));
    const std::string run = scratch_.path().string();
    const auto file = scratch_.write("domed.yaml", "domed: 1\ncontrol: {listen: [\"ipc://" + run +
                                                       "/s/c\"]}\nevents: {listen: [\"ipc://" +
                                                       run + "/s/e\"]}\nstate_dir: " + run +
                                                       "/state\nplugin_path: [" DOMED_PLUGINS
                                                       "]\nstore: {plugin: store-memory}\n");
    daemon_ = fork();
    if (daemon_ != 0) return;
    setenv("NOTIFY_SOCKET", (abstract ? "@" + path.substr(1) : path).c_str(), 1);
    execl(DOMED_PROGRAM, "domed", "--config", file.c_str(), nullptr);
    _exit(127);
  }
  ~NotifyTest() override {
    if (daemon_ <= 0) return;
    kill(daemon_, SIGKILL);
    waitpid(daemon_, nullptr, 0);
  }

  // The next thing told, signs of life aside; "" where nothing comes for a minute.
  std::string next(bool alive = false) {
    for (;;) {
      pollfd wait{socket_.get(), POLLIN, 0};
      if (poll(&wait, 1, 60'000) != 1) return "";
      char text[512];
      const auto size = recv(socket_.get(), text, sizeof text, 0);
      const std::string told(text, size > 0 ? static_cast<std::size_t>(size) : 0);
      if ((told == "WATCHDOG=1") == alive) return told;
    }
  }

  testing::Scratch scratch_;
  Fd socket_;
  pid_t daemon_ = -1;
};

TEST_F(NotifyTest, ReadinessReloadsAndTheEndAreTold) {
  start(false);
  EXPECT_EQ("READY=1", next());
  kill(daemon_, SIGHUP);
  EXPECT_TRUE(next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_EQ("READY=1", next());
  kill(daemon_, SIGTERM);
  EXPECT_EQ("STOPPING=1", next());
}

TEST_F(NotifyTest, SignsOfLifeComeAlsoToAnAbstractSocket) {
  start(true);
  EXPECT_EQ("WATCHDOG=1", next(true));
  EXPECT_EQ("WATCHDOG=1", next(true));
}

}  // namespace
}  // namespace domed
