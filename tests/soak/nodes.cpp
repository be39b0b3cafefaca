#include "nodes.h"

#include <cstdio>
#include <filesystem>

#include "verdict.h"

namespace domed::soak {
namespace {

// ttl 3 s, so that a node is dead 20 s after its last word, and its runs have ended 11 s after it.
std::string of_several(const std::string& name) {
  return "node: { name: " + name + " }\ncluster: { ttl: 3s, lost_after: 20s }\n";
}

}  // namespace

NodesSoak::NodesSoak(Options options) : options_(std::move(options)), database_(options_.server) {
  std::string name = (std::filesystem::temp_directory_path() / "domed-soak-XXXXXX").string();
  directory_ = mkdtemp(name.data());
  std::filesystem::create_directory(directory_ + "/marks");
  nodes_.resize(static_cast<std::size_t>(options_.nodes));
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    node.name = std::string(1, static_cast<char>('a' + i));
    const std::string place = directory_ + "/" + node.name;
    std::filesystem::create_directory(place);
    node.wire = std::make_unique<Wire>(place + "/.s.PGSQL.5432", database_.socket());
    faults::DaemonProcess::Settings settings;
    settings.bin = options_.bin, settings.plugins = options_.plugins;
    settings.store = options_.store;
    settings.store_options = "url: \"postgresql:///postgres?host=" + place +
                             "&user=domed\", patience: 2s, back_off: 200ms";
    settings.directory = place;
    settings.jobs += ", max_running: 8";
    settings.more = of_several(node.name);
    node.daemon = std::make_unique<faults::DaemonProcess>(settings);
  }
  history_.open(directory_ + "/history.jsonl");
  recorder_ = std::make_unique<history::Recorder>(history_, options_.store, "power");
}

NodesSoak::~NodesSoak() {
  for (Node& node : nodes_) node.daemon.reset();
  for (Node& node : nodes_) node.wire.reset();
  for (const auto& [pid, words] : processes()) kill(pid, SIGKILL);  // where jobs had no end
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

bool NodesSoak::going_on() const {
  if (failed_) return false;
  return options_.jobs > 0 ? next_job_ < options_.jobs : Clock::now() < end_;
}

void NodesSoak::problem(const std::string& text) {
  const std::lock_guard lock(mutex_);
  problems_.push_back(text);
}

bool NodesSoak::run() {
  std::printf("seed %llu, store %s, %d nodes\n", static_cast<unsigned long long>(options_.seed),
              options_.store.c_str(), options_.nodes);
  std::fflush(stdout);
  if (options_.failover) database_.make_standby();
  for (Node& node : nodes_) node.daemon->start();
  begin_ = Clock::now();
  end_ = begin_ + std::chrono::seconds(options_.seconds);
  std::vector<std::thread> producers, followers;
  for (int i = 0; i < options_.followers; ++i)
    followers.emplace_back([this, i] { follow_jobs(i); });
  for (int i = 0; i < options_.producers; ++i) producers.emplace_back([this, i] { produce(i); });
  std::thread chaos([this] { break_things(); });
  for (auto& thread : producers) thread.join();
  done_ = true;
  chaos.join();
  queue_.close();
  for (auto& thread : followers) thread.join();
  await_ends();
  audit();
  report();
  return check();
}

void NodesSoak::report() const {
  std::printf(
      "%zu jobs and %d retries of them in %lld s, %d commands begun, %llu events delivered, "
      "%llu follows, which moved %llu times\n",
      jobs_.size(), retries_,
      static_cast<long long>(
          std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin_).count()),
      starts_, static_cast<unsigned long long>(events_.load()),
      static_cast<unsigned long long>(follows_.load()),
      static_cast<unsigned long long>(moves_.load()));
  for (const auto* counts : {&actions_, &endings_}) {
    std::string line;
    for (const auto& [what, count] : *counts)
      line += (line.empty() ? "" : ", ") + std::to_string(count) + " " + what;
    std::printf("%s\n", line.c_str());
  }
}

bool NodesSoak::check() {
  history_.close();
  // Behind a fail-over a log that was not over has events of batches that were sent to its former
  // one.
  if (every_clause_kept(directory_, options_.keep, problems_,
                        options_.failover ? "IdempotentAppend" : ""))
    return true;
  for (const Node& node : nodes_) {
    std::printf("Last words of %s:\n%s", node.name.c_str(), node.daemon->last_words().c_str());
    if (options_.keep.empty()) continue;
    std::filesystem::copy_file(directory_ + "/" + node.name + "/log",
                               options_.keep + "." + node.name + ".log",
                               std::filesystem::copy_options::overwrite_existing);
  }
  return false;
}

}  // namespace domed::soak
