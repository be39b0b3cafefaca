#include <utility>  // which Boost 1.74 forgets

#include "transport/native/control.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "transport/native/hub.h"
#include "transport/native/listener.h"

namespace domed::native {
namespace {

using Clock = Connection::Clock;

// Bytes of replies that one connection may leave unread before it is read no further.
constexpr std::size_t kUnread = 4 << 20;

Connection::Rules rules_of(const ControlOptions& options) {
  Connection::Rules rules;
  rules.ours = sp::Role::rep;
  rules.theirs = sp::Role::req;
  rules.most_message = options.max_request;
  rules.most_open = options.contexts;
  rules.most_queued = kUnread;
  return rules;
}

Hub::Limits limits_of(const ControlOptions& options) {
  Hub::Limits limits;
  limits.most = options.pipes;
  limits.unread = options.send_timeout;
  limits.hello = options.hello;
  return limits;
}

// How many requests are under way; outlives the server, as their replies may.
struct Busy {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t count = 0;

  void more() {
    const std::lock_guard lock(mutex);
    ++count;
  }
  void less() {
    const std::lock_guard lock(mutex);
    if (--count == 0) changed.notify_all();
  }
};

// The duty to answer one request of so many bytes, which its connection is kept for: what is under
// way counts for its party also when it has left.
class Ticket {
 public:
  Ticket(std::shared_ptr<Connection> connection, std::size_t bytes, std::string backtrace,
         std::shared_ptr<Busy> busy)
      : connection_(std::move(connection)),
        bytes_(bytes),
        backtrace_(std::move(backtrace)),
        busy_(std::move(busy)) {
    busy_->more();
  }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() { end(nullptr); }

  void answer(std::string reply) { end(&reply); }

 private:
  void end(std::string* reply) {
    if (over_.exchange(true)) return;
    if (reply) connection_->send({connection_->carrier(), backtrace_, std::move(*reply)});
    connection_->finished(bytes_);
    busy_->less();
  }

  const std::shared_ptr<Connection> connection_;
  const std::size_t bytes_;
  const std::string backtrace_;
  const std::shared_ptr<Busy> busy_;
  std::atomic<bool> over_ = false;
};

}  // namespace

struct Control::Core final : Connection::Owner {
  Core(ControlOptions given, Handler handle)
      : options(std::move(given)),
        handler(std::move(handle)),
        hub(loop, *this, rules_of(options), limits_of(options)) {
    for (const Place& place : options.urls)
      listeners.push_back(
          std::make_unique<Listener>(loop, place, options.listen, hub.door_of(place)));
  }
  ~Core() { shutdown({}); }

  void shutdown(std::chrono::milliseconds limit);
  void handle(const std::shared_ptr<Connection>& connection, std::string message, bool alone);

  void greeted(const std::shared_ptr<Connection>&) override { hub.greeted(); }
  void received(const std::shared_ptr<Connection>& connection,
                std::vector<std::string> messages) override;
  void flushed(Connection&) override;
  void gone(Connection& connection) override;

  const ControlOptions options;
  const Handler handler;
  // Relieved: a request that comes alone is committed by the thread that brought it.
  const std::shared_ptr<Loop> loop = std::make_shared<Loop>(true);
  Hub hub;
  std::vector<std::unique_ptr<Listener>> listeners;
  const std::shared_ptr<Busy> busy = std::make_shared<Busy>();
  std::mutex mutex;
  PipeGone on_gone;
  bool down = false;
};

void Control::Core::received(const std::shared_ptr<Connection>& connection,
                             std::vector<std::string> messages) {
  const bool alone = messages.size() == 1;
  for (std::string& message : messages) handle(connection, std::move(message), alone);
}

void Control::Core::handle(const std::shared_ptr<Connection>& connection, std::string message,
                           bool alone) {
  const sp::Backtrace back = sp::backtrace(message);
  if (back.kind != sp::Backtrace::Kind::good) {
    connection->finished(message.size());
    if (back.kind == sp::Backtrace::Kind::cut_short) connection->close();
    return;
  }
  const auto ticket =
      std::make_shared<Ticket>(connection, message.size(), message.substr(0, back.bytes), busy);
  message.erase(0, back.bytes);
  try {
    handler(std::move(message),
            {connection->id(), connection->door(), alone, connection->caller(), connection},
            [ticket](std::string reply) { ticket->answer(std::move(reply)); });
  } catch (const std::exception& failure) {
    spdlog::error("a request was dropped: {}", failure.what());
  }
}

void Control::Core::gone(Connection& connection) {
  const bool knew = connection.is_greeted();
  hub.forget(connection);
  PipeGone tell;
  {
    const std::lock_guard lock(mutex);
    tell = on_gone;
  }
  if (knew && tell) tell(connection.id());
  flushed(connection);
}

void Control::Core::flushed(Connection&) {
  const std::lock_guard lock(busy->mutex);
  busy->changed.notify_all();
}

void Control::Core::shutdown(std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  if (std::exchange(down, true)) return;
  for (const auto& listener : listeners) listener->close();
  hub.shut();
  {
    std::unique_lock lock(busy->mutex);
    busy->changed.wait_until(lock, deadline, [&] { return busy->count == 0; });
  }
  {
    std::unique_lock lock(busy->mutex);
    busy->changed.wait_until(lock, deadline, [&] { return hub.is_flushed(); });
  }
  {
    const std::lock_guard lock(mutex);
    on_gone = nullptr;
  }
  hub.close_all();
  loop->join();
  listeners.clear();  // now that nobody is served, another daemon may
}

Control::Control(ControlOptions options, Handler handler)
    : core_(std::make_unique<Core>(std::move(options), std::move(handler))) {}

Control::~Control() = default;

void Control::on_pipe_gone(PipeGone gone) {
  const std::lock_guard lock(core_->mutex);
  core_->on_gone = std::move(gone);
}

void Control::start() {
  for (const auto& listener : core_->listeners) listener->listen();
}

void Control::shutdown(std::chrono::milliseconds limit) {
  core_->shutdown(limit);
}

void Control::look_again_at_identities() {
  core_->hub.look_again_at_identities();
}

std::vector<Endpoint*> Control::endpoints() const {
  std::vector<Endpoint*> result;
  for (const auto& listener : core_->listeners) result.push_back(listener.get());
  return result;
}

std::size_t Control::pipes() const {
  return core_->hub.size();
}

std::size_t Control::busy() const {
  const std::lock_guard lock(core_->busy->mutex);
  return core_->busy->count;
}

}  // namespace domed::native
