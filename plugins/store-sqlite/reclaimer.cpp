#include "reclaimer.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace domed {
namespace {

constexpr std::int64_t kLeast = 256;  // pages
constexpr auto kStep = "PRAGMA incremental_vacuum(32)";
constexpr std::chrono::milliseconds kPause(5);

std::int64_t pages(sqlite::Connection& connection, const char* pragma) {
  auto query = connection.query(pragma);
  return query.step() ? query.integer() : 0;
}

}  // namespace

Reclaimer::Reclaimer(sqlite::Connection& writer, Checkpoints& checkpoints, WriterTurns& turns,
                     std::function<void(const std::string&)> warn)
    : writer_(writer), checkpoints_(checkpoints), turns_(turns), warn_(std::move(warn)) {
  constexpr auto kIncremental = "2";
  if (writer_.ask("PRAGMA auto_vacuum") == kIncremental) thread_ = std::thread([this] { work(); });
}

Reclaimer::~Reclaimer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Reclaimer::look() {
  {
    const std::lock_guard lock(mutex_);
    look_ = true;
  }
  changed_.notify_all();
}

// For the next step, or for something to do; false: the end.
bool Reclaimer::wait(bool busy) {
  std::unique_lock lock(mutex_);
  if (busy)
    changed_.wait_for(lock, kPause, [this] { return stop_; });
  else
    changed_.wait(lock, [this] { return stop_ || look_; });
  look_ = false;
  return !stop_;
}

void Reclaimer::work() {
  std::int64_t goal = 0;
  bool busy = false;
  while (wait(busy)) {
    try {
      busy = step(goal);
    } catch (const Error& error) {
      warn_(std::string("free pages are not given back for now: ") + error.what());
      busy = false;
    }
  }
}

// Down to the "goal", free pages, that was set when there were twice as many; false: there is
// nothing to do.
bool Reclaimer::step(std::int64_t& goal) {
  const auto turn = turns_.for_step();
  const std::int64_t free = pages(writer_, "PRAGMA freelist_count");
  const std::int64_t allowed = std::max(kLeast, pages(writer_, "PRAGMA page_count") / 16);
  if (goal == 0 && free <= allowed) return false;
  goal = allowed / 2;
  if (free > goal) {
    auto query = writer_.query(kStep);
    while (query.step()) {
    }
    return true;
  }
  goal = 0;
  checkpoints_.copy();  // which is when the file gets smaller
  return false;
}

}  // namespace domed
