#include "transport/nng/events.h"

#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>

#include "transport/nng/listener.h"
#include "transport/nng/socket.h"

namespace domed {
namespace {

constexpr int kFramesPerPipe = 8192;        // the most that nng allows
constexpr std::size_t kMostReceived = 256;  // subscribers have nothing to say

}  // namespace

struct NngEvents::Shard {
  Shard(const EventOptions& options, std::size_t number)
      : gate(options.pipes), socket(nng_pub0_open) {
    gate.attach(socket.get());
    check_nng(nng_socket_set_int(socket.get(), NNG_OPT_SENDBUF, kFramesPerPipe),
              "cannot set the queue of subscribers");
    check_nng(nng_socket_set_size(socket.get(), NNG_OPT_RECVMAXSZ, kMostReceived),
              "cannot bound what subscribers send");
    for (const Place& place : options.urls)
      endpoints.push_back(std::make_unique<NngListener>(socket.get(), gate, shard_of(place, number),
                                                        options.listen));
  }
  ~Shard() { close(); }

  // The socket goes first, and the claim on its path last.
  void close() {
    socket.close();
    endpoints.clear();
  }

  PipeGate gate;
  Socket socket;
  std::vector<std::unique_ptr<NngListener>> endpoints;
};

NngEvents::NngEvents(const EventOptions& options) {
  for (std::size_t number = 0; number < options.shards; ++number)
    shards_.push_back(std::make_unique<Shard>(options, number));
}

NngEvents::~NngEvents() = default;

void NngEvents::start() {
  for (const auto& shard : shards_)
    for (const auto& endpoint : shard->endpoints) endpoint->listen();
}

void NngEvents::send(std::size_t shard, const SharedFrame& frame) {
  Message message = make_message(*frame);
  // A frame that cannot be sent is freed, and is lost as any other may be (SlowReader).
  const nng_socket socket = shards_.at(shard)->socket.get();
  if (nng_sendmsg(socket, message.get(), NNG_FLAG_NONBLOCK) == 0)
    static_cast<void>(message.release());
}

void NngEvents::close() {
  for (const auto& shard : shards_) shard->close();
}

std::vector<Endpoint*> NngEvents::endpoints(std::size_t shard) const {
  std::vector<Endpoint*> result;
  for (const auto& endpoint : shards_.at(shard)->endpoints) result.push_back(endpoint.get());
  return result;
}

std::size_t NngEvents::pipes(std::size_t shard) const {
  return shards_[shard]->gate.pipes();
}

}  // namespace domed
