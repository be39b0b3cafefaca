#include <cstring>

#include "bench/child.h"
#include "bench/pace.h"
#include "bench/raw.h"
#include "bench/roles.h"
#include "bench/unix.h"

namespace domed::bench {
namespace {

constexpr double kRate = 1000;

}  // namespace

// Answers each of "requests" with itself.
Json unix_echo(const Json& params) {
  const Fd listener = listen_unix(params.at("path"));
  ready();
  const Fd peer = accept_unix(listener);
  char bytes[kRequest];
  for (std::uint64_t i = params.at("requests"); i > 0; --i) {
    receive_all(peer, bytes, kRequest);
    send_all(peer, {bytes, kRequest});
  }
  return Json::object();
}

Latency raw_unix_request(const std::string& directory, std::uint64_t requests) {
  const std::string path = directory + "/echo.unix";
  Worker worker("unix_echo", {{"path", path}, {"requests", requests}});
  worker.await_ready();
  worker.go();
  const Fd socket = connect_unix(path);
  char bytes[kRequest] = {};
  Latency latency;
  Pace pace(kRate);
  for (std::uint64_t i = 0; i < requests; ++i) {
    pace.wait();
    const double begin = now_us();
    send_all(socket, {bytes, kRequest});
    receive_all(socket, bytes, kRequest);
    latency.add(now_us() - begin);
  }
  worker.result();
  return latency;
}

// Sends "messages" that begin with the time.
Json unix_send(const Json& params) {
  const Fd listener = listen_unix(params.at("path"));
  ready();
  const Fd peer = accept_unix(listener);
  char bytes[kMessage] = {};
  Pace pace(kRate);
  for (std::uint64_t i = params.at("messages"); i > 0; --i) {
    pace.wait();
    const double now = now_us();
    std::memcpy(bytes, &now, sizeof now);
    send_all(peer, {bytes, kMessage});
  }
  return Json::object();
}

Latency raw_unix_oneway(const std::string& directory, std::uint64_t messages) {
  const std::string path = directory + "/send.unix";
  Worker worker("unix_send", {{"path", path}, {"messages", messages}});
  worker.await_ready();
  worker.go();
  const Fd socket = connect_unix(path);
  char bytes[kMessage];
  Latency latency;
  for (std::uint64_t i = 0; i < messages; ++i) {
    receive_all(socket, bytes, kMessage);
    double sent = 0;
    std::memcpy(&sent, bytes, sizeof sent);
    latency.add(now_us() - sent);
  }
  worker.result();
  return latency;
}

}  // namespace domed::bench
