#include "announcer.h"

#include <exception>

#include "watcher.h"

namespace domed::postgres {
namespace {

constexpr auto kPause = std::chrono::milliseconds(2);

constexpr Statement kNotify{"notify", "SELECT pg_notify(convert_from($1, 'UTF8'), '')::text"};

}  // namespace

Announcer::Announcer(Server& server) : server_(server), thread_([this] { run(); }) {}

Announcer::~Announcer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  news_.notify_one();
  thread_.join();
}

void Announcer::announce() {
  {
    const std::lock_guard lock(mutex_);
    asked_ = true;
  }
  news_.notify_one();
}

void Announcer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    news_.wait(lock, [&] { return asked_ || stop_; });
    if (stop_) return;
    asked_ = false;
    lock.unlock();
    try_announce();
    lock.lock();
    // A writer that commits all the time is announced now and then, or its own server would do
    // little else.
    news_.wait_for(lock, kPause, [&] { return stop_; });
  }
}

// What is not announced is found by those who look every second.
void Announcer::try_announce() noexcept try {
  const Deadline deadline = server_.deadline();
  if (!connection_) {
    connection_ = server_.open(deadline);
    connection_->run("SET synchronous_commit = off", {}, deadline);
  }
  const std::string channel = channel_of(server_.settings().schema);
  connection_->run(kNotify, Values().bytes(channel), deadline);
} catch (const std::exception&) {
  connection_.reset();
}

}  // namespace domed::postgres
