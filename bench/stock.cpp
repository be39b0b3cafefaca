// A producer and a follower as somebody else would write them, on nng's own REQ and SUB.
#include "transport/nng/socket.h"  // before nng's own: they lack their first include

#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/req.h>

#include <stdexcept>

#include "bench/child.h"
#include "bench/latency.h"
#include "bench/pace.h"
#include "bench/roles.h"
#include "bench/server.h"
#include "bench/stamp.h"
#include "client/follow_state.h"
#include "client/producer.h"

namespace domed::bench {
namespace {

using Clock = std::chrono::steady_clock;

Message receive_from(const Socket& socket) {
  nng_msg* message = nullptr;
  check_nng(nng_recvmsg(socket.get(), &message, 0), "stock nng: receive");
  return Message(message);
}

// One request at a time.
class StockClient {
 public:
  explicit StockClient(const std::string& url) : socket_(nng_req0_open) {
    check_nng(nng_dial(socket_.get(), url.c_str(), nullptr, 0), "stock nng: dial");
  }
  // The result's own bytes.
  std::string call(const std::string& method, const std::string& params) {
    Message request = make_message(R"({"jsonrpc":"2.0","id":1,"method":")" + method +
                                   R"(","params":)" + params + "}");
    check_nng(nng_sendmsg(socket_.get(), request.get(), 0), "stock nng: send");
    (void)request.release();
    const Message reply = receive_from(socket_);
    return result_of(body(reply.get()), "a stock client's");
  }

 private:
  const Socket socket_;
};

// What comes from an events socket: the daemon gives a sign of life each second, so that
// there is always something to wait for.
Socket subscribed(const std::string& url, const std::string& topic) {
  Socket socket(nng_sub0_open);
  for (const std::string& each : {topic, std::string("daemon\n")})
    check_nng(nng_socket_set(socket.get(), NNG_OPT_SUB_SUBSCRIBE, each.data(), each.size()),
              "stock nng: subscribe");
  check_nng(nng_dial(socket.get(), url.c_str(), nullptr, 0), "stock nng: dial");
  return socket;
}

}  // namespace

// Appends to one job, each event when the one before is acknowledged and its time has come.
Json stock_produce(const Json& params) {
  const Json& job = params.at("jobs").at(0);
  ProducerOptions options;
  options.job_id = job.at("id"), options.producer_token = job.at("token");
  options.producer_id = "bench";
  StockClient client(params.at("endpoint"));
  ready();
  std::uint64_t batch = 2;  // submit_running() sent the first
  const auto append = [&](const std::string& events) {
    client.call("AppendJobEvents", Producer::freeze(options, batch++, events));
  };
  const std::uint64_t batches = params.at("batches");
  const double begin = now_us();
  Pace pace(params.at("rate"));
  for (std::uint64_t i = 0; i < batches; ++i) {
    pace.wait();
    append(log_events(1, params.at("bytes"), stamp()));
  }
  const double seconds = (now_us() - begin) / 1e6;
  append(kSucceeded);
  return {{"events", batches}, {"seconds", seconds}};
}

// Follows one job to its end by frames, and by pages where one is missing.
Json stock_follow(const Json& params) {
  const std::string endpoint = params.at("endpoint");
  StockClient client(endpoint);
  FollowStart start;
  start.job_id = params.at("jobs").at(0);
  FollowState state(start);
  std::uint64_t events = 0;
  Latency latency;
  const FollowState::Take take = [&](std::string_view line, std::uint64_t) {
    ++events;
    if (const auto sent = sent_us(line)) latency.add(now_us() - *sent);
  };
  std::optional<Socket> frames;
  for (bool told = false;;) {
    const auto step = state.next(Clock::now());
    if (step == FollowState::Step::done) break;
    if (step == FollowState::Step::page) {
      Page page;
      page.endpoint = endpoint;
      page.bytes = client.call("StreamJobEvents", state.page_params().dump());
      read_page(page);
      state.page_came(page, Clock::now(), take);
    } else if (step == FollowState::Step::subscribe) {
      frames = subscribed(state.events_url(), state.topic());
      state.subscribed(Clock::now());
    } else {
      if (!std::exchange(told, true)) ready();
      const Message message = receive_from(*frames);
      state.frame_came(body(message.get()), Clock::now(), take);
    }
  }
  const double last = now_us();
  const Json status =
      Json::parse(client.call("GetJobStatus", Json{{"job_id", start.job_id}}.dump()));
  if (status.at("digest") != to_hex(state.digest().value()))
    throw std::runtime_error("a follower's digest is not the daemon's");
  return {{"events", events},
          {"last_us", last},
          {"p50", latency.percentile(50)},
          {"p99", latency.percentile(99)}};
}

}  // namespace domed::bench
