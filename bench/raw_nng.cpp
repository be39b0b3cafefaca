#include "transport/nng/socket.h"  // before nng's own: they lack their first include

#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <cstring>
#include <future>

#include "bench/child.h"
#include "bench/pace.h"
#include "bench/raw.h"
#include "bench/roles.h"

namespace domed::bench {
namespace {

Message receive(const Socket& socket) {
  nng_msg* message = nullptr;
  check_nng(nng_recvmsg(socket.get(), &message, 0), "raw nng: receive");
  return Message(message);
}

void send(const Socket& socket, Message message) {
  check_nng(nng_sendmsg(socket.get(), message.get(), 0), "raw nng: send");
  (void)message.release();
}

// All that is on its way at a time, else a loaded machine loses messages, and who counts them
// waits for ever.
void keep_all(const Socket& socket, const char* buffer) {
  constexpr int kMostThatNngTakes = 8192;
  check_nng(nng_socket_set_int(socket.get(), buffer, kMostThatNngTakes), "raw nng: buffer");
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

// Publishes "messages" that begin with the time, 1,000/s, once a subscriber is there.
Json raw_publish(const Json& params) {
  std::promise<void> there;
  const Socket socket(nng_pub0_open);
  keep_all(socket, NNG_OPT_SENDBUF);
  check_nng(nng_pipe_notify(
                socket.get(), NNG_PIPE_EV_ADD_POST,
                [](nng_pipe, nng_pipe_ev, void* promise) {
                  static_cast<std::promise<void>*>(promise)->set_value();
                },
                &there),
            "raw nng: notify");
  check_nng(nng_listen(socket.get(), params.at("url").get<std::string>().c_str(), nullptr, 0),
            "raw nng: listen");
  ready();
  there.get_future().wait();
  ready();
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
  keep_all(socket, NNG_OPT_RECVBUF);
  check_nng(nng_socket_set(socket.get(), NNG_OPT_SUB_SUBSCRIBE, "", 0), "raw nng: subscribe");
  check_nng(nng_dial(socket.get(), url.c_str(), nullptr, 0), "raw nng: dial");
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
