#include "client/producer.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "base/unsignalled.h"
#include "client/backoff.h"
#include "client/channel.h"
#include "client/client.h"
#include "protocol/endpoint.h"

namespace domed {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Slot {
  std::uint64_t batch = 0;
  std::string request;  // frozen
  bool in_flight = false;
  std::uint64_t begun = 0;  // all batches before this were acknowledged when it was sent
  Clock::time_point not_before{};
  milliseconds pause{0};
  std::optional<Ack> ack;
  std::optional<BootClock::time_point> sent{};  // for the first time
};

struct Outcome {
  std::uint64_t batch = 0;
  int result = 0;
  Channel::Reply reply;
};

Ack read_ack(std::uint64_t batch, std::string_view reply, const std::string& url) {
  const Json json = Json::parse(result_of(reply, url));
  Ack ack;
  ack.batch = batch;
  ack.first_seq = json.value("first_seq", std::uint64_t{0});
  ack.head_seq = json.value("head_seq", std::uint64_t{0});
  ack.state = json.value("state", "");
  ack.replayed = json.value("replayed", false);
  ack.cancel_requested = json.value("cancel_requested", false);
  ack.paused = json.value("paused", false);
  ack.stop_in = stop_in_of(json);
  return ack;
}

ApiError lost_batch(std::uint64_t expected, const ApiError& error) {
  return ApiError("E_BATCH_GAP",
                  "the daemon asks for batch " + std::to_string(expected) +
                      ", which is not here any more: the log lost acknowledged batches, or the "
                      "first batch queued was not the next one",
                  error.fields());
}

}  // namespace

std::optional<milliseconds> stop_in_of(const Json& answer) {
  const auto it = answer.find("stop_in_ms");
  if (it == answer.end() || !it->is_number_integer()) return std::nullopt;
  return milliseconds(it->get<std::int64_t>());
}

// One thread reads replies and decides on outcomes.  Whoever queues a batch sends what may be sent.
struct Producer::Core {
  explicit Core(ProducerOptions given);
  ~Core();

  void await_room(std::unique_lock<std::mutex>& lock, std::size_t more);
  void queue(std::uint64_t batch, std::string_view params);
  bool full(std::size_t more) const;
  void throw_if_ended() const;

  void run();
  Clock::time_point send_ready();
  void send(Slot& slot);
  void settle(Outcome outcome);
  void refuse(std::uint64_t batch, const ApiError& error);
  void again_later(Slot& slot, const ApiError& error);
  void deliver(std::unique_lock<std::mutex>& lock);
  void check_given_up();
  Slot* find(std::uint64_t batch);

  const ProducerOptions options;
  mutable std::mutex mutex;
  std::condition_variable room;
  bool stopping = false;
  std::deque<Slot> slots;  // not yet delivered, in the order of batches
  std::size_t slot_bytes = 0;
  std::uint64_t next_batch;
  std::deque<Outcome> outcomes;
  Clock::time_point last_reply = Clock::now();
  std::optional<Ack> last_ack;
  bool cancel_requested = false;
  std::optional<ApiError> refusal;  // of batch "refused_at"; ends the producer once all
  std::uint64_t refused_at = 0;     // before it are acknowledged
  bool ended = false;
  std::unique_ptr<Channel> channel;
  std::thread thread;
};

Producer::Core::Core(ProducerOptions given)
    : options(std::move(given)),
      next_batch(options.first_batch),
      channel(std::make_unique<Channel>(endpoints_of(options.endpoint), options.credentials)) {
  const Unsignalled unsignalled;
  thread = std::thread([this] { run(); });
}

Producer::Core::~Core() {
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  channel->interrupt();
  room.notify_all();
  thread.join();
  channel.reset();
}

bool Producer::Core::full(std::size_t more) const {
  return !slots.empty() &&
         (slots.size() >= options.queue || slot_bytes + more > options.queue_bytes);
}

void Producer::Core::throw_if_ended() const {
  if (ended) throw ApiError(*refusal);
}

void Producer::Core::await_room(std::unique_lock<std::mutex>& lock, std::size_t more) {
  room.wait(lock, [&] { return ended || stopping || (!refusal && !full(more)); });
  throw_if_ended();
  if (stopping) throw ApiError("E_STOPPED", "the producer is being stopped");
}

void Producer::Core::queue(std::uint64_t batch, std::string_view params) {
  if (slots.empty() && !last_ack) next_batch = batch;
  if (batch != next_batch)
    throw Error(Code::invalid_argument, "batch " + std::to_string(batch) + " queued where " +
                                            std::to_string(next_batch) +
                                            " comes next: number batches without a hole");
  Slot slot;
  slot.batch = next_batch++;
  slot.request = R"({"jsonrpc":"2.0","id":)" + std::to_string(batch) +
                 R"(,"method":"AppendJobEvents","params":)" + std::string(params) + "}";
  slot_bytes += slot.request.size();
  if (slots.empty()) last_reply = Clock::now();
  slots.push_back(std::move(slot));
  // Sent from here: to wake the thread first would only cost time.
  send_ready();
  if (options.give_up.count() > 0) channel->interrupt();  // it has a time to keep
}

void Producer::Core::run() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    while (!outcomes.empty()) {
      Outcome outcome = std::move(outcomes.front());
      outcomes.pop_front();
      settle(std::move(outcome));
    }
    check_given_up();
    deliver(lock);
    const auto wake = send_ready();
    if (stopping || !outcomes.empty()) continue;
    lock.unlock();
    channel->serve(wake);
    lock.lock();
  }
}

// Starts what may be sent now; returns when there is more to send.
Clock::time_point Producer::Core::send_ready() {
  const auto now = Clock::now();
  auto wake = Clock::time_point::max();
  if (!slots.empty() && options.give_up.count() > 0) wake = last_reply + options.give_up;
  if (ended) return Clock::time_point::max();
  const std::size_t window = std::clamp<std::size_t>(options.window, 1, 64);
  bool first = true;  // that is not acknowledged
  for (std::size_t i = 0; i < std::min(window, slots.size()); ++i) {
    Slot& slot = slots[i];
    if (slot.ack) continue;
    // Tried again, it goes alone: those behind it would wait for it in the daemon, and take the
    // place it needs.  So it also waits for the answers to those before it, whose refusal may
    // come later than its own.
    const bool again = slot.pause.count() > 0;
    if (again && !first) break;
    first = false;
    if (slot.not_before > now) return std::min(wake, slot.not_before);
    if (!slot.in_flight) send(slot);
    if (again) break;
  }
  return wake;
}

void Producer::Core::send(Slot& slot) {
  slot.in_flight = true;
  if (!slot.sent) slot.sent = BootClock::now();
  slot.begun = slots.front().batch;
  channel->start(slot.request, options.reply_timeout,
                 [this, batch = slot.batch](int result, Channel::Reply reply) {
                   const std::lock_guard lock(mutex);
                   outcomes.push_back({batch, result, std::move(reply)});
                 });
}

Slot* Producer::Core::find(std::uint64_t batch) {
  if (slots.empty() || batch < slots.front().batch || batch > slots.back().batch) return nullptr;
  return &slots[batch - slots.front().batch];
}

void Producer::Core::settle(Outcome outcome) {
  Slot* slot = find(outcome.batch);
  if (!slot || slot->ack) return;
  slot->in_flight = false;
  try {
    if (outcome.result != 0) {
      if (const auto why = channel->distrust()) throw ApiError("E_UNTRUSTED", *why);
      throw ApiError("E_UNREACHABLE", "no acknowledgement from " + options.endpoint + ": " +
                                          strerror(outcome.result));
    }
    last_reply = Clock::now();
    slot->ack = read_ack(slot->batch, outcome.reply.body(), options.endpoint);
    slot->ack->sent = *slot->sent;
    cancel_requested = cancel_requested || slot->ack->cancel_requested;
  } catch (const ApiError& e) {
    if (is_unwell(e) && outcome.reply.url()) channel->leave(*outcome.reply.url());
    if (is_retryable(e))
      again_later(*slot, e);
    else
      refuse(outcome.batch, e);
  } catch (const std::exception& e) {
    refuse(outcome.batch,
           ApiError("E_PROTOCOL",
                    options.endpoint + " sent an acknowledgement that is none: " + e.what()));
  }
}

void Producer::Core::again_later(Slot& slot, const ApiError& error) {
  const milliseconds least = retry_after(error).value_or(kFirstPause);
  milliseconds wait = slot.pause = std::max(least, std::min(slot.pause * 2, kLongestPause));
  const auto expected = number_field(error, "expected");
  if (error.name() == "E_BATCH_GAP" && expected) {
    // An acknowledged batch should be there; one acknowledged since is.
    if (*expected < slot.begun) return refuse(slot.batch, lost_batch(*expected, error));
    if (Slot* missing = find(*expected)) missing->not_before = Clock::now();
    wait = kFirstPause;
  }
  slot.not_before = Clock::now() + wait;
}

// Batches before the refused one were taken or can still be; those after it cannot.
void Producer::Core::refuse(std::uint64_t batch, const ApiError& error) {
  if (refusal && refused_at <= batch) return;
  refusal = error;
  refused_at = batch;
  while (!slots.empty() && slots.back().batch >= batch) {
    slot_bytes -= slots.back().request.size();
    slots.pop_back();
  }
}

void Producer::Core::check_given_up() {
  if (options.give_up.count() == 0 || slots.empty() || Clock::now() < last_reply + options.give_up)
    return;
  refuse(slots.front().batch,
         ApiError("E_UNREACHABLE", "no acknowledgement from " + options.endpoint + " for " +
                                       std::to_string(options.give_up.count()) + " ms: gave up"));
}

void Producer::Core::deliver(std::unique_lock<std::mutex>& lock) {
  while (!slots.empty() && slots.front().ack) {
    const Ack ack = *slots.front().ack;
    if (options.on_ack) {
      lock.unlock();
      options.on_ack(ack);
      lock.lock();
    }
    slot_bytes -= slots.front().request.size();
    slots.pop_front();
    last_ack = ack;
    room.notify_all();
  }
  if (!refusal || ended || !slots.empty()) return;
  ended = true;
  room.notify_all();
  if (!options.on_error) return;
  const ApiError error = *refusal;
  lock.unlock();
  options.on_error(error);
  lock.lock();
}

Producer::Producer(ProducerOptions options) : core_(std::make_unique<Core>(std::move(options))) {}
Producer::~Producer() = default;

std::string Producer::freeze(const ProducerOptions& options, std::uint64_t batch,
                             std::string_view events_json) {
  return R"({"job_id":)" + json_string(options.job_id) + R"(,"producer_id":)" +
         json_string(options.producer_id) + R"(,"producer_token":)" +
         json_string(options.producer_token) + R"(,"batch":)" + std::to_string(batch) +
         R"(,"events":)" + std::string(events_json) + "}";
}

std::uint64_t Producer::append(std::string_view events_json) {
  std::unique_lock lock(core_->mutex);
  core_->await_room(lock, events_json.size());
  const std::uint64_t batch = core_->next_batch;
  core_->queue(batch, freeze(core_->options, batch, events_json));
  return batch;
}

void Producer::append_frozen(std::uint64_t batch, std::string params_text) {
  std::unique_lock lock(core_->mutex);
  core_->await_room(lock, params_text.size());
  core_->queue(batch, params_text);
}

bool Producer::try_append_frozen(std::uint64_t batch, std::string params_text) {
  const std::lock_guard lock(core_->mutex);
  core_->throw_if_ended();
  if (core_->refusal || core_->full(params_text.size())) return false;
  core_->queue(batch, params_text);
  return true;
}

bool Producer::flush(milliseconds timeout) {
  std::unique_lock lock(core_->mutex);
  const bool empty = core_->room.wait_for(
      lock, timeout, [&] { return core_->ended || (core_->slots.empty() && !core_->refusal); });
  core_->throw_if_ended();
  return empty;
}

std::size_t Producer::pending() const {
  const std::lock_guard lock(core_->mutex);
  return core_->slots.size();
}

bool Producer::cancel_requested() const {
  const std::lock_guard lock(core_->mutex);
  return core_->cancel_requested;
}

std::optional<Ack> Producer::last_ack() const {
  const std::lock_guard lock(core_->mutex);
  return core_->last_ack;
}

std::optional<ApiError> Producer::error() const {
  const std::lock_guard lock(core_->mutex);
  return core_->ended ? core_->refusal : std::nullopt;
}

}  // namespace domed
