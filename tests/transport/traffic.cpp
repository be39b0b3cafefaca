// A process for the tests to start, and to kill.  It is built with the guards
// (transport-guarded) and without (transport-bare); the modes that look for a
// defect of nng's exit with 0 where it does not show and with 3 where it does.
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/reqrep0/rep.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "peer.h"
#include "transport/control_server.h"
#include "transport/watchdog.h"

namespace domed::test {
namespace {

// What takes the system several reads and writes, so that a kill comes between.
constexpr std::size_t kManyWrites = 1 << 20;

constexpr int kShows = 3;
constexpr int kDoesNotShow = 77;

// To whoever started us.
void say_ready() {
  std::puts("ready");
  std::fflush(stdout);
}

// What is looked for in nng is looked for with nng.
ControlOptions options_for(const std::string& url, Engine engine = Engine::nng) {
  ControlOptions options;
  options.listen.engine = engine;
  options.urls = {url};
  options.contexts = 16;
  return options;
}

void echo(std::string request, const Peer&, const ControlServer::Reply& reply) {
  reply(std::move(request));
}

int be_client(const std::string& url, std::chrono::milliseconds pause) {
  Client client(url, 60'000);  // many at once, and each a megabyte
  const std::string request(kManyWrites, 'x');
  for (bool first = true; client.ask(request); first = false) {
    if (first) say_ready();
    std::this_thread::sleep_for(pause);
  }
  return 1;
}

int be_server(const std::string& url) {
  ControlServer server(options_for(url, engine_under_test()), echo);
  server.start();
  say_ready();
  for (;;) pause();
}

// Whether peers that leave at once ended the listener, each time but for a race.
bool leave_until_deaf(const ControlServer& server, int timeout_ms) {
  const std::string url = server.urls()[0];
  for (int batch = 0; batch < 5; ++batch) {
    for (int i = 0; i < 200; ++i) RawPeer(url).end_writing().reset_at_end();
    if (!ask(url, "ping", timeout_ms)) return true;
  }
  return false;
}

// Runs out of descriptors easily; the watchdog is to bring it back.
int be_limited_server(const std::string& url, int descriptors) {
  const auto limit = static_cast<rlim_t>(descriptors);
  const rlimit limits{limit, limit};
  setrlimit(RLIMIT_NOFILE, &limits);
  ControlServer server(options_for(url, engine_under_test()), echo);
  server.start();
  WatchdogOptions options;
  options.ping = "ping";
  options.period = options.control_timeout = std::chrono::milliseconds(200);
  Watchdog watchdog(options, server.endpoints(), {});
  watchdog.start();
  say_ready();
  for (;;) pause();
}

// Defect 1: peers that leave at once end the listener.
int leave_early(const std::string& url, int timeout_ms) {
  ControlServer server(options_for(url), echo);
  server.start();
  return leave_until_deaf(server, timeout_ms) ? kShows : 0;
}

// The same, mended by the watchdog.  The library loses what the dead listener
// had accepted, which is no concern of a leak checker's here.
int revive(const std::string& url, int timeout_ms) {
  ControlServer server(options_for(url), echo);
  server.start();
  Watchdog watchdog({"ping"}, server.endpoints(), {});
  if (!leave_until_deaf(server, timeout_ms)) return kDoesNotShow;
  const std::size_t reopened = watchdog.check_once() + watchdog.check_once();
  return reopened == 1 && ask(server.urls()[0], "ping") ? 0 : kShows;
}

// Defect 2: the connection of a client that leaves while bytes flow is never
// let go of.
int leave_busy(const std::string& url, int clients) {
  ControlServer server(options_for(url), echo);
  server.start();
  for (int i = 0; i < clients; ++i) {
    RawPeer peer(server.urls()[0]);
    peer.greet();
    peer.send_request(std::string(kManyWrites, 'x'));
    peer.read_some();
    peer.reset_at_end();
  }
  const bool released = eventually([&] { return server.pipes() == 0; }, std::chrono::seconds(5));
  if (!released) std::_Exit(kShows);  // it would not close either
  return 0;
}

// A hang is what is looked for, and cannot be left in any other way.
void exit_unless_called_within(unsigned seconds) {
  signal(SIGALRM, [](int) { _exit(kShows); });
  alarm(seconds);
}

// Defect 2: a socket that is closed while bytes flow never finishes closing.
// A send returns once its message is on its way, so that each close comes upon
// a message that is half sent.
int close_busy(const std::string& url, int rounds) {
  const std::string bytes(kManyWrites, 'x');
  for (int round = 0; round < rounds; ++round) {
    exit_unless_called_within(5);
    Socket pull(nng_pull0_open);
    Socket push(nng_push0_open);
    check_nng(nng_listen(pull.get(), url.c_str(), nullptr, 0), "cannot listen");
    check_nng(nng_dial(push.get(), url.c_str(), nullptr, 0), "cannot dial");
    for (int i = 0; i < 3; ++i) {
      Message message = make_message(bytes);
      check_nng(nng_sendmsg(push.get(), message.get(), 0), "cannot send");
      static_cast<void>(message.release());
      nng_msg* received = nullptr;
      if (i < 2 && nng_recvmsg(pull.get(), &received, 0) == 0) nng_msg_free(received);
    }
    if (round % 2) pull.close();
  }
  return 0;
}

int run(const std::string& mode, const std::string& url, int number) {
  if (mode == "client") return be_client(url, std::chrono::milliseconds(number));
  if (mode == "server") return be_server(url);
  if (mode == "limited") return be_limited_server(url, number);
  if (mode == "leave") return leave_early(url, number);
  if (mode == "revive") std::_Exit(revive(url, number));
  if (mode == "leave-busy") return leave_busy(url, number);
  return mode == "close" ? close_busy(url, number) : 2;
}

}  // namespace
}  // namespace domed::test

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  return domed::test::run(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 0);
}
