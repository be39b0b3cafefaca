#include "transport/nng/socket.h"  // before nng's own: they lack their first include

#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <cstring>

#include "bench/child.h"
#include "bench/pace.h"
#include "bench/raw.h"
#include "bench/roles.h"

namespace domed::bench {
namespace {

constexpr std::size_t kRequest = 200, kMessage = 300;

Message receive(const Socket& socket) {
  nng_msg* message = nullptr;
  check_nng(nng_recvmsg(socket.get(), &message, 0), "raw nng: receive");
  return Message(message);
}

void send(const Socket& socket, Message message) {
  check_nng(nng_sendmsg(socket.get(), message.get(), 0), "raw nng: send");
  (void)message.release();
}

}  // namespace

// Answers every request with itself, "requests" times.
Json echo(const Json& params) {
  const Socket socket(nng_rep0_open);
  check_nng(nng_listen(socket.get(), params.at("url").get<std::string>().c_str(), nullptr, 0),
            "raw nng: listen");
  ready();
  for (std::uint64_t i = params.at("requests"); i > 0; --i) send(socket, receive(socket));
  ready();  // the last reply is on its way until then
  return Json::object();
}

Latency raw_request(const std::string& directory, std::uint64_t requests) {
  const std::string url = "ipc://" + directory + "/echo.ipc";
  Worker worker("echo", {{"url", url}, {"requests", requests}});
  worker.await_ready();
  worker.go();
  const Socket socket(nng_req0_open);
  check_nng(nng_dial(socket.get(), url.c_str(), nullptr, 0), "raw nng: dial");
  const std::string request(kRequest, 'x');
  Latency latency;
  for (std::uint64_t i = 0; i < requests; ++i) {
    const double begin = now_us();
    send(socket, make_message(request));
    receive(socket);
    latency.add(now_us() - begin);
  }
  worker.await_ready();
  worker.go();
  worker.result();
  return latency;
}

// Publishes "messages" that begin with the time, 1,000/s.
Json raw_publish(const Json& params) {
  const Socket socket(nng_pub0_open);
  check_nng(nng_listen(socket.get(), params.at("url").get<std::string>().c_str(), nullptr, 0),
            "raw nng: listen");
  ready();
  ready();  // the subscriber is there
  Pace pace(1000);
  std::string bytes(kMessage, 'x');
  for (std::uint64_t i = params.at("messages"); i > 0; --i) {
    pace.wait();
    const double now = now_us();
    std::memcpy(bytes.data(), &now, sizeof now);
    send(socket, make_message(bytes));
  }
  ready();
  return Json::object();
}

Latency raw_publish_latency(const std::string& directory, std::uint64_t messages) {
  const std::string url = "ipc://" + directory + "/pub.ipc";
  Worker worker("raw_publish", {{"url", url}, {"messages", messages}});
  worker.await_ready();
  worker.go();
  const Socket socket(nng_sub0_open);
  check_nng(nng_socket_set(socket.get(), NNG_OPT_SUB_SUBSCRIBE, "", 0), "raw nng: subscribe");
  check_nng(nng_dial(socket.get(), url.c_str(), nullptr, 0), "raw nng: dial");
  std::this_thread::sleep_for(
      std::chrono::milliseconds(100));  // PUB does not say when a subscriber is there
  worker.await_ready();
  worker.go();
  Latency latency;
  for (std::uint64_t i = 0; i < messages; ++i) {
    const Message message = receive(socket);
    double sent = 0;
    std::memcpy(&sent, body(message.get()).data(), sizeof sent);
    latency.add(now_us() - sent);
  }
  worker.await_ready();
  worker.go();
  worker.result();
  return latency;
}

}  // namespace domed::bench
