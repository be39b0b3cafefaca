#include "transport/nng/control.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "transport/nng/listener.h"
#include "transport/nng/pipe_gate.h"
#include "transport/nng/socket.h"

namespace domed {
namespace {

using Clock = std::chrono::steady_clock;

// nng_close drops what a connection has not written yet; a reply that was just
// handed over gets this long to reach the system's buffers.
constexpr std::chrono::milliseconds kLastBytes{20};

// Where a context is in its round.  "stopped" is final.
enum class Phase { idle, receiving, handling, sending, stopped };

struct Context {
  std::mutex mutex;
  Phase phase = Phase::idle;
  std::uint32_t pipe = 0;
  nng_ctx ctx = NNG_CTX_INITIALIZER;
  nng_aio* aio = nullptr;
  void* core = nullptr;
};

}  // namespace

// Outlives the server while replies are under way.  Locks: a context's, then
// mutex_; neither is held over a call of the handler or nng_pipe_close.
struct NngControl::Core : std::enable_shared_from_this<Core> {
  class Ticket;

  Core(ControlOptions given, Handler handle)
      : options(std::move(given)),
        handler(std::move(handle)),
        gate(options.pipes),
        socket(nng_rep0_open) {}

  void open();
  void start();
  void shutdown(std::chrono::milliseconds limit);

  void add_context();
  void arm(Context& context);
  void send(Context& context, Message message);
  void stop(Context& context);
  void wait_for_replies(Clock::time_point deadline);
  void completed(Context& context);
  void received(Context& context, std::unique_lock<std::mutex> lock);
  void sent(Context& context, std::unique_lock<std::mutex> lock);
  void handle(Context& context, Peer peer, std::string request);
  void answer(Context& context, const std::string& reply);
  void drop(Context& context);

  void became_busy();
  void became_free();
  void reply_queued(std::uint32_t pipe);
  void reply_gone(std::uint32_t pipe);
  bool scarce() const;  // with the mutex held
  void look_for_idlers();
  void disconnect_idlers();

  const ControlOptions options;
  const Handler handler;
  PipeGate gate;
  Socket socket;
  std::vector<std::unique_ptr<NngListener>> endpoints;
  std::vector<std::unique_ptr<Context>> contexts;

  mutable std::mutex mutex;
  std::condition_variable idle;
  std::size_t busy = 0;
  // Replies that wait for a pipe's client, since when there are any, and how many it
  // has taken since we began to look.
  struct Unread {
    std::size_t replies = 0, taken = 0;
    Clock::time_point since;
  };
  std::unordered_map<std::uint32_t, Unread> unread;
  nng_aio* look = nullptr;  // ends when it is time to look for idlers
  bool looking = false;
  Clock::time_point last_sent{};
  std::atomic<bool> draining = false;
};

// The duty to answer one request.
class NngControl::Core::Ticket {
 public:
  Ticket(std::shared_ptr<Core> core, Context& context)
      : core_(std::move(core)), context_(context) {}
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() {
    if (!answered_.exchange(true)) core_->drop(context_);
  }
  void answer(const std::string& reply) {
    if (!answered_.exchange(true)) core_->answer(context_, reply);
  }

 private:
  const std::shared_ptr<Core> core_;
  Context& context_;
  std::atomic<bool> answered_ = false;
};

void NngControl::Core::open() {
  gate.attach(socket.get());
  check_nng(nng_socket_set_size(socket.get(), NNG_OPT_RECVMAXSZ, options.max_request),
            "cannot bound the size of requests");
  for (const Place& place : options.urls)
    endpoints.push_back(std::make_unique<NngListener>(socket.get(), gate, place, options.listen));
  const auto due = [](void* core) { static_cast<Core*>(core)->disconnect_idlers(); };
  check_nng(nng_aio_alloc(&look, due, this), "cannot allocate a timer");
  for (std::size_t i = 0; i < options.contexts; ++i) add_context();
}

void NngControl::Core::add_context() {
  auto context = std::make_unique<Context>();
  context->core = this;
  const auto done = [](void* argument) {
    auto& finished = *static_cast<Context*>(argument);
    static_cast<Core*>(finished.core)->completed(finished);
  };
  check_nng(nng_aio_alloc(&context->aio, done, context.get()), "cannot allocate a context");
  contexts.push_back(std::move(context));
  check_nng(nng_ctx_open(&contexts.back()->ctx, socket.get()), "cannot open a context");
}

void NngControl::Core::start() {
  for (const auto& context : contexts) {
    const std::lock_guard lock(context->mutex);
    arm(*context);
  }
  for (const auto& endpoint : endpoints) endpoint->listen();
}

// Receives the next request.  With the context's lock held.
void NngControl::Core::arm(Context& context) {
  if (draining) {
    context.phase = Phase::stopped;
    return;
  }
  context.phase = Phase::receiving;
  nng_aio_set_timeout(context.aio, NNG_DURATION_INFINITE);
  nng_ctx_recv(context.ctx, context.aio);
}

// With the context's lock held.
void NngControl::Core::send(Context& context, Message message) {
  context.phase = Phase::sending;
  nng_aio_set_timeout(context.aio, static_cast<nng_duration>(options.send_timeout.count()));
  nng_aio_set_msg(context.aio, message.release());
  nng_ctx_send(context.ctx, context.aio);
}

void NngControl::Core::completed(Context& context) {
  std::unique_lock lock(context.mutex);
  if (context.phase == Phase::receiving) return received(context, std::move(lock));
  if (context.phase == Phase::sending) return sent(context, std::move(lock));
  if (nng_aio_result(context.aio) == 0) Message(nng_aio_get_msg(context.aio)).reset();
  nng_aio_set_msg(context.aio, nullptr);
}

void NngControl::Core::received(Context& context, std::unique_lock<std::mutex> lock) {
  const int result = nng_aio_result(context.aio);
  if (result != 0) {
    const bool over = result == NNG_ECLOSED || result == NNG_ECANCELED;
    if (over)
      context.phase = Phase::stopped;
    else
      arm(context);
    return;
  }
  const Message message(nng_aio_get_msg(context.aio));
  nng_aio_set_msg(context.aio, nullptr);
  if (draining) {
    context.phase = Phase::stopped;
    return;
  }
  context.phase = Phase::handling;
  const nng_pipe pipe = nng_msg_get_pipe(message.get());
  context.pipe = static_cast<std::uint32_t>(nng_pipe_id(pipe));
  became_busy();
  lock.unlock();
  handle(context, {context.pipe, door_of(pipe), true, gate.caller_of(context.pipe)},
         std::string(body(message.get())));
}

void NngControl::Core::handle(Context& context, Peer peer, std::string request) {
  auto ticket = std::make_shared<Ticket>(shared_from_this(), context);
  try {
    handler(std::move(request), peer,
            [ticket = std::move(ticket)](std::string reply) { ticket->answer(reply); });
  } catch (const std::exception& failure) {
    spdlog::error("a request was dropped: {}", failure.what());
  }
}

// nng 1.5.2 loses the memory of a reply whose client leaves in this very moment.
void NngControl::Core::answer(Context& context, const std::string& reply) {
  Message message;
  try {
    message = make_message(reply);
  } catch (const Error& failure) {
    spdlog::error("a reply of {} bytes was dropped: {}", reply.size(), failure.what());
    drop(context);
    return;
  }
  const std::lock_guard lock(context.mutex);
  if (context.phase != Phase::handling) return;  // the server went down
  reply_queued(context.pipe);
  send(context, std::move(message));
}

void NngControl::Core::drop(Context& context) {
  const std::lock_guard lock(context.mutex);
  if (context.phase != Phase::handling) return;
  arm(context);
  became_free();
}

// A reply that could not be handed over in time: its client does not read, and
// would hold on to this context and all others it gets.
void NngControl::Core::sent(Context& context, std::unique_lock<std::mutex> lock) {
  const int result = nng_aio_result(context.aio);
  const std::uint32_t pipe = context.pipe;
  if (result != 0) Message(nng_aio_get_msg(context.aio)).reset();
  nng_aio_set_msg(context.aio, nullptr);
  reply_gone(pipe);
  if (result == NNG_ECLOSED || result == NNG_ECANCELED)
    context.phase = Phase::stopped;
  else
    arm(context);
  became_free();
  lock.unlock();
  if (result != NNG_ETIMEDOUT) return;
  spdlog::warn("disconnected a client that does not read its replies");
  nng_pipe_close(nng_pipe{pipe});
}

void NngControl::Core::became_busy() {
  const std::lock_guard lock(mutex);
  ++busy;
  if (scarce() && !looking) look_for_idlers();
}

void NngControl::Core::became_free() {
  const std::lock_guard lock(mutex);
  if (--busy == 0) idle.notify_all();
}

void NngControl::Core::reply_queued(std::uint32_t pipe) {
  const std::lock_guard lock(mutex);
  Unread& waiting = unread[pipe];
  if (waiting.replies++ == 0) waiting.since = Clock::now();
}

void NngControl::Core::reply_gone(std::uint32_t pipe) {
  const std::lock_guard lock(mutex);
  last_sent = Clock::now();
  const auto found = unread.find(pipe);
  if (found == unread.end()) return;
  ++found->second.taken;
  if (--found->second.replies == 0) unread.erase(found);
}

bool NngControl::Core::scarce() const {
  return options.contexts - busy < std::max<std::size_t>(options.contexts / 8, 1);
}

// Long before its sends time out, a client that reads nothing could hold every
// context.  On a timer, for then there is no other event left to act upon.
void NngControl::Core::look_for_idlers() {
  looking = true;
  for (auto& [pipe, waiting] : unread) waiting.taken = 0;
  nng_sleep_aio(static_cast<nng_duration>(options.patience.count()), look);
}

// Many replies under way are no offence: one connection may serve a thousand
// followers.  Taking hardly any of them is.
void NngControl::Core::disconnect_idlers() {
  std::vector<std::uint32_t> idlers;
  {
    const std::lock_guard lock(mutex);
    looking = false;
    if (draining || !scarce()) return;
    const auto limit = Clock::now() - options.patience;
    const std::size_t tolerated = std::max<std::size_t>(options.contexts / 256, 4);
    for (const auto& [pipe, waiting] : unread)
      if (waiting.replies > tolerated && waiting.since <= limit &&
          waiting.taken * 8 < waiting.replies)
        idlers.push_back(pipe);
    look_for_idlers();
  }
  for (const std::uint32_t pipe : idlers) {
    spdlog::warn("disconnected a client that leaves its replies unread");
    nng_pipe_close(nng_pipe{pipe});
  }
}

void NngControl::Core::stop(Context& context) {
  const std::lock_guard lock(context.mutex);
  if (context.phase == Phase::idle) context.phase = Phase::stopped;
  if (context.phase == Phase::receiving) nng_aio_cancel(context.aio);
}

void NngControl::Core::wait_for_replies(Clock::time_point deadline) {
  std::unique_lock lock(mutex);
  idle.wait_until(lock, deadline, [&] { return busy == 0; });
  const auto flushed = std::min(deadline, last_sent + kLastBytes);
  lock.unlock();
  std::this_thread::sleep_until(flushed);
}

// Listeners stay until the end: closing one would end its connections, and
// with them the replies that are still to go out.
void NngControl::Core::shutdown(std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  if (draining.exchange(true)) return;
  gate.shut();
  for (const auto& context : contexts) stop(*context);
  wait_for_replies(deadline);
  for (const auto& context : contexts) {
    const std::lock_guard lock(context->mutex);
    if (context->phase == Phase::handling) context->phase = Phase::stopped;
  }
  gate.on_gone(nullptr);
  socket.close();
  for (const auto& context : contexts) nng_aio_stop(context->aio);
  for (const auto& context : contexts) nng_aio_free(std::exchange(context->aio, nullptr));
  nng_aio_stop(look);
  nng_aio_free(std::exchange(look, nullptr));
  endpoints.clear();  // now that nobody listens, another daemon may
}

NngControl::NngControl(ControlOptions options, Handler handler)
    : core_(std::make_shared<Core>(std::move(options), std::move(handler))) {
  try {
    core_->open();
  } catch (...) {
    core_->shutdown({});
    throw;
  }
}

NngControl::~NngControl() {
  shutdown({});
}

void NngControl::on_pipe_gone(PipeGone gone) {
  core_->gate.on_gone(std::move(gone));
}

void NngControl::start() {
  core_->start();
}

void NngControl::shutdown(std::chrono::milliseconds limit) {
  core_->shutdown(limit);
}

void NngControl::look_again_at_identities() {
  core_->gate.look_again_at_identities();
}

std::vector<Endpoint*> NngControl::endpoints() const {
  std::vector<Endpoint*> result;
  for (const auto& endpoint : core_->endpoints) result.push_back(endpoint.get());
  return result;
}

std::size_t NngControl::pipes() const {
  return core_->gate.pipes();
}

std::size_t NngControl::busy() const {
  const std::lock_guard lock(core_->mutex);
  return core_->busy;
}

}  // namespace domed
