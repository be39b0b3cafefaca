#include "transport/nng/event_sockets.h"

#include <nng/protocol/pubsub0/pub.h>

#include "domed/error.h"

namespace domed {
namespace {

constexpr std::size_t kMostShards = 64;
constexpr int kFramesPerPipe = 8192;        // the most that nng allows
constexpr std::size_t kMostReceived = 256;  // subscribers have nothing to say

}  // namespace

struct EventSockets::Shard {
  Shard(const EventOptions& options, std::size_t number)
      : gate(options.pipes, !options.listen.group.empty()), socket(nng_pub0_open) {
    gate.attach(socket.get());
    check_nng(nng_socket_set_int(socket.get(), NNG_OPT_SENDBUF, kFramesPerPipe),
              "cannot set the queue of subscribers");
    check_nng(nng_socket_set_size(socket.get(), NNG_OPT_RECVMAXSZ, kMostReceived),
              "cannot bound what subscribers send");
    for (const Place& place : options.urls)
      endpoints.push_back(std::make_unique<Endpoint>(
          socket.get(), gate, Place(shard_url(place.url, number), place.origins), options.listen));
  }
  ~Shard() { close(); }

  // The socket goes first, and the claim on its path last.
  void close() {
    socket.close();
    endpoints.clear();
  }

  PipeGate gate;
  Socket socket;
  std::vector<std::unique_ptr<Endpoint>> endpoints;
};

EventSockets::EventSockets(const EventOptions& options) {
  if (options.shards < 1 || options.shards > kMostShards)
    throw Error(Code::invalid_argument, "events.shards is " + std::to_string(options.shards) +
                                            ": configure 1 to " + std::to_string(kMostShards));
  for (std::size_t number = 0; number < options.shards; ++number)
    shards_.push_back(std::make_unique<Shard>(options, number));
}

EventSockets::~EventSockets() = default;

void EventSockets::start() {
  for (const auto& shard : shards_)
    for (const auto& endpoint : shard->endpoints) endpoint->listen();
}

void EventSockets::send(std::size_t shard, Message frame) {
  // A frame that cannot be sent is freed, and is lost as any other may be (SlowReader).
  const nng_socket socket = shards_.at(shard)->socket.get();
  if (nng_sendmsg(socket, frame.get(), NNG_FLAG_NONBLOCK) == 0) static_cast<void>(frame.release());
}

void EventSockets::close() {
  for (const auto& shard : shards_) shard->close();
}

std::vector<std::string> EventSockets::urls(std::size_t shard) const {
  std::vector<std::string> result;
  for (const auto& endpoint : shards_.at(shard)->endpoints) result.push_back(endpoint->url());
  return result;
}

std::vector<std::string> EventSockets::urls() const {
  std::vector<std::string> result;
  for (std::size_t shard = 0; shard < shards(); ++shard)
    for (auto& url : urls(shard)) result.push_back(std::move(url));
  return result;
}

std::vector<Endpoint*> EventSockets::endpoints() const {
  std::vector<Endpoint*> result;
  for (const auto& shard : shards_)
    for (const auto& endpoint : shard->endpoints) result.push_back(endpoint.get());
  return result;
}

std::size_t EventSockets::pipes() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) sum += shard->gate.pipes();
  return sum;
}

std::size_t EventSockets::pipes(std::size_t shard) const {
  return shards_[shard]->gate.pipes();
}

}  // namespace domed
