#include <utility>  // which Boost 1.74 forgets

#include "transport/native/events.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "transport/native/hub.h"
#include "transport/native/listener.h"

namespace domed::native {
namespace {

constexpr std::size_t kLag = 32 << 20;  // bytes that a subscriber may be behind

Connection::Rules rules_of(std::atomic<std::size_t>& waiting) {
  Connection::Rules rules;
  rules.waiting = &waiting;
  rules.ours = sp::Role::pub;
  rules.theirs = sp::Role::sub;
  rules.may_talk = false;  // subscribers have nothing to say
  rules.most_queued = kLag;
  rules.drops = true;
  return rules;
}

Hub::Limits limits_of(const EventOptions& options) {
  Hub::Limits limits;
  limits.most = options.pipes;
  return limits;
}

}  // namespace

class Events::Shard final : public Connection::Owner {
 public:
  Shard(const std::shared_ptr<Loop>& loop, const EventOptions& options, std::size_t number)
      : hub_(loop, *this, rules_of(waiting_), limits_of(options)) {
    for (const Place& place : options.urls)
      listeners_.push_back(std::make_unique<Listener>(loop, shard_of(place, number), options.listen,
                                                      hub_.door_of(place)));
  }

  void start() {
    for (const auto& listener : listeners_) listener->listen();
  }
  void send(const SharedFrame& frame) {
    const auto all = subscribers();  // kept, for whoever comes or goes replaces it
    for (const auto& subscriber : *all) subscriber->send({subscriber->carrier(), frame});
  }
  void close() {
    for (const auto& listener : listeners_) listener->close();
    hub_.shut();
    hub_.close_all();
  }
  void look_again_at_identities() { hub_.look_again_at_identities(); }

  std::vector<Endpoint*> endpoints() const {
    std::vector<Endpoint*> result;
    for (const auto& listener : listeners_) result.push_back(listener.get());
    return result;
  }
  std::size_t pipes() const { return hub_.size(); }
  bool is_saturated() const { return waiting_ > 0; }
  std::uint64_t dropped() const {
    std::uint64_t sum = dropped_;
    const auto all = subscribers();
    for (const auto& subscriber : *all) sum += subscriber->dropped();
    return sum;
  }

 private:
  using List = std::vector<std::shared_ptr<Connection>>;

  std::shared_ptr<const List> subscribers() const {
    const std::lock_guard lock(mutex_);
    return subscribers_;
  }
  // Whoever sends goes through the old list meanwhile.
  void greeted(const std::shared_ptr<Connection>& connection) override {
    const std::lock_guard lock(mutex_);
    auto changed = std::make_shared<List>(*subscribers_);
    changed->push_back(connection);
    subscribers_ = std::move(changed);
    hub_.greeted();
  }
  void received(const std::shared_ptr<Connection>&, std::vector<std::string>) override {}
  void gone(Connection& connection) override {
    hub_.forget(connection);
    const std::lock_guard lock(mutex_);
    auto changed = std::make_shared<List>(*subscribers_);
    std::erase_if(*changed, [&](const auto& s) { return s.get() == &connection; });
    subscribers_ = std::move(changed);
    const std::uint64_t lost = connection.dropped();
    dropped_ += lost;
    if (lost > 0)
      spdlog::info("a subscriber that left had lost {} frame(s): it was too slow", lost);
  }

  mutable std::mutex mutex_;
  std::shared_ptr<const List> subscribers_ = std::make_shared<List>();
  std::atomic<std::uint64_t> dropped_ = 0;  // of those who left
  std::atomic<std::size_t> waiting_ = 0;    // of those who are here
  Hub hub_;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

Events::Events(const EventOptions& options) : loop_(std::make_shared<Loop>(false)) {
  for (std::size_t number = 0; number < options.shards; ++number)
    shards_.push_back(std::make_unique<Shard>(loop_, options, number));
}

Events::~Events() {
  close();
}

void Events::start() {
  for (const auto& shard : shards_) shard->start();
}

void Events::send(std::size_t shard, const SharedFrame& frame) {
  shards_.at(shard)->send(frame);
}

void Events::close() {
  for (const auto& shard : shards_) shard->close();
  loop_->join();
}

void Events::look_again_at_identities() {
  for (const auto& shard : shards_) shard->look_again_at_identities();
}

std::vector<Endpoint*> Events::endpoints(std::size_t shard) const {
  return shards_.at(shard)->endpoints();
}

std::size_t Events::pipes(std::size_t shard) const {
  return shards_.at(shard)->pipes();
}

bool Events::is_saturated(std::size_t shard) const {
  return shards_.at(shard)->is_saturated();
}

std::uint64_t Events::dropped() const {
  std::uint64_t sum = 0;
  for (const auto& shard : shards_) sum += shard->dropped();
  return sum;
}

}  // namespace domed::native
