#include "soak.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "verdict.h"

namespace domed::soak {
namespace {

using namespace std::chrono_literals;

std::string random_plan(std::uint64_t seed) {
  const auto& plans = faults::plans();
  return plans[std::mt19937_64(seed)() % plans.size()].name;
}

}  // namespace

void Queue::push(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
}

std::optional<Job> Queue::pop() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
  if (jobs_.empty()) return std::nullopt;
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  return job;
}

void Queue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

Soak::Soak(Options options) : options_(std::move(options)) {
  std::string name = (std::filesystem::temp_directory_path() / "domed-soak-XXXXXX").string();
  directory_ = mkdtemp(name.data());
  std::filesystem::create_directory(directory_ + "/p");
  plan_ = options_.plan == "random" ? random_plan(options_.seed) : options_.plan;
  faults::DaemonProcess::Settings settings;
  settings.bin = options_.bin, settings.plugins = options_.plugins;
  settings.store = options_.store, settings.store_options = options_.store_options;
  settings.directory = directory_ + "/d";
  daemon_ = std::make_unique<faults::DaemonProcess>(settings);
  proxy_ = std::make_unique<faults::Proxy>(directory_ + "/p", daemon_->run_directory(),
                                           faults::plan_of(plan_, options_.seed));
  history_.open(directory_ + "/history.jsonl");
  recorder_ =
      std::make_unique<history::Recorder>(history_, options_.store, durable() ? "power" : "none");
}

Soak::~Soak() {
  client_.reset();
  proxy_.reset();
  daemon_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

bool Soak::going_on() const {
  if (failed_) return false;
  if (options_.jobs > 0) return next_job_ < options_.jobs;
  if (options_.kills > 0) return kills_ < options_.kills;
  return std::chrono::steady_clock::now() < end_;
}

void Soak::problem(const std::string& text) {
  const std::lock_guard lock(mutex_);
  problems_.push_back(text);
}

bool Soak::run() {
  std::printf("seed %llu, store %s, plan %s\n", static_cast<unsigned long long>(options_.seed),
              options_.store.c_str(), plan_.c_str());
  std::fflush(stdout);
  daemon_->start();
  client_ = std::make_unique<Client>(proxy_->control());
  end_ = std::chrono::steady_clock::now() + std::chrono::seconds(options_.seconds);
  std::vector<std::thread> producers, followers;
  for (int i = 0; i < options_.followers; ++i)
    followers.emplace_back([this, i] { follow_jobs(i); });
  for (int i = 0; i < options_.producers; ++i) producers.emplace_back([this, i] { produce(i); });
  std::thread chaos([this] { break_things(); });
  for (auto& thread : producers) thread.join();
  queue_.close();
  for (auto& thread : followers) thread.join();
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  quiet_.notify_all();
  chaos.join();
  audit();
  report();
  return check();
}

void Soak::report() const {
  std::printf("%zu jobs, %llu events delivered, %llu follows, %llu ended with the terminal event\n",
              jobs_.size(), static_cast<unsigned long long>(events_.load()),
              static_cast<unsigned long long>(follows_.load()),
              static_cast<unsigned long long>(terminal_.load()));
  std::printf(
      "%d kill -9 of the daemon, %d of a runner, %d cuts, %d followers stopped, %zu of %zu "
      "messages touched\n",
      kills_.load(), runner_kills_.load(), cuts_.load(), stops_.load(), proxy_->touched(),
      proxy_->messages());
  if (disturbances_ > 0) std::printf("the engine went away %d times\n", disturbances_.load());
  if (delays_.empty()) return;
  auto sorted = delays_;
  std::sort(sorted.begin(), sorted.end());
  const auto at = [&](double part) {
    return static_cast<double>(
               sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))]) /
           1000;
  };
  const auto late = sorted.end() - std::upper_bound(sorted.begin(), sorted.end(), 1'000'000);
  std::printf(
      "terminal event to the follow's end, ms: p50 %.1f p90 %.1f p99 %.1f max %.1f; %lld above 1 "
      "s\n",
      at(0.5), at(0.9), at(0.99), at(1), static_cast<long long>(late));
}

bool Soak::check() {
  history_.close();
  if (every_clause_kept(directory_, options_.keep, problems_)) return true;
  std::printf("The daemon's last words:\n%s", daemon_->last_words().c_str());
  return false;
}

}  // namespace domed::soak
