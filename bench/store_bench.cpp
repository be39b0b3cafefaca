// store-bench: what one store can do, without the daemon around it.
//
//   store-bench PLUGIN.yaml DIRECTORY [KEY=VALUE]...
//
// Prints, for 128-byte events: appends of one batch of 1,000 events over 8 jobs
// at a time, single events one commit each, a whole log read in pages of 1 MiB,
// and 1,000 events from the middle of a log.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "loader/loader.h"
#include "loader/manifest.h"
#include "loader/options.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLine = 128;  // with its LF
constexpr std::uint64_t kJobs = 8;
constexpr int kBatches = 1000;
constexpr int kSingles = 3000;

struct SilentHost final : domed::Host {
  void log(domed::Level, std::string_view) noexcept override {}
};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// "count" lines, made once: the store is to be measured, not this program.
class Span {
 public:
  explicit Span(std::size_t count) {
    for (std::size_t i = 1; i <= count; ++i) {
      bytes_.append(kLine - 1, static_cast<char>('a' + i % 26)).push_back('\n');
      ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
    }
  }
  domed::Entry append_to(const std::string& job, std::uint64_t head) const {
    domed::Entry entry;
    entry.job_id = job;
    entry.expected_head = head;
    entry.events = bytes_;
    entry.ends = ends_;
    entry.head = head_;
    entry.columns.created = static_cast<std::int64_t>(std::hash<std::string>()(job) >> 1);
    entry.columns.state = "running";
    entry.columns.unfinished = true;
    return entry;
  }
  std::size_t size() const { return ends_.size(); }

 private:
  std::string bytes_;
  std::vector<std::uint32_t> ends_;
  std::string head_ = std::string(400, 'h');
};

void commit(domed::Store& store, const std::vector<domed::Entry>& entries) {
  for (const auto& result : store.commit(entries))
    if (result.outcome != domed::EntryResult::Outcome::done)
      throw domed::Error(domed::Code::internal, "an entry was refused");
}

void append_batches(domed::Store& store) {
  const Span span(1000 / kJobs);
  std::vector<std::string> jobs;
  for (std::uint64_t i = 0; i < kJobs; ++i) jobs.push_back("batch-" + std::to_string(i));
  const auto begin = Clock::now();
  for (std::uint64_t i = 0; i < kBatches; ++i) {
    std::vector<domed::Entry> entries;
    for (const std::string& job : jobs) entries.push_back(span.append_to(job, i * span.size()));
    commit(store, entries);
  }
  const double time = seconds_since(begin);
  std::printf("batches of 1,000 events over 8 jobs: %9.0f events/s, %.0f commits/s\n",
              1000 * kBatches / time, kBatches / time);
}

void append_singly(domed::Store& store) {
  const Span span(1);
  std::vector<double> times;
  for (std::uint64_t i = 0; i < kSingles; ++i) {
    const auto begin = Clock::now();
    commit(store, {span.append_to("single", i)});
    times.push_back(seconds_since(begin) * 1e6);
  }
  double total = 0;
  for (const double time : times) total += time;
  std::sort(times.begin(), times.end());
  std::printf("single events, one commit each:      %9.0f events/s, p50 %.0f us, p99 %.0f us\n",
              kSingles / total * 1e6, times[kSingles / 2], times[kSingles * 99 / 100]);
}

void read_whole(const domed::Store& store, const std::string& job) {
  const auto begin = Clock::now();
  std::uint64_t events = 0;
  for (;;) {
    const auto slice = store.read(job, events + 1, 10000, 1 << 20);
    if (slice->ends.empty()) break;
    events += slice->ends.size();
  }
  const double time = seconds_since(begin);
  std::printf("%-8s read in pages of 1 MiB:      %9.0f events/s, %.0f MB/s\n", job.c_str(),
              static_cast<double>(events) / time, static_cast<double>(events * kLine) / time / 1e6);
}

void read_middle(const domed::Store& store, const std::string& job, std::uint64_t head) {
  constexpr int kReads = 500;
  const auto begin = Clock::now();
  for (std::uint64_t i = 0; i < kReads; ++i)
    (void)store.read(job, 1 + i * 7919 % (head - 1000), 1000, 1 << 20);
  std::printf("%-8s 1,000 from the middle:       %9.0f us\n", job.c_str(),
              seconds_since(begin) / kReads * 1e6);
}

void run(const std::string& manifest, const std::string& directory,
         const std::map<std::string, std::string>& options) {
  SilentHost host;
  const domed::Plugin plugin(domed::load_manifest(manifest));
  const auto values = domed::make_options(plugin.manifest(), options, directory);
  const auto store = plugin.create_store(values, host);
  append_batches(*store);
  append_singly(*store);
  read_whole(*store, "batch-3");
  read_middle(*store, "batch-3", 1000 / kJobs * kBatches);
  read_whole(*store, "single");
  read_middle(*store, "single", kSingles);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: store-bench PLUGIN.yaml EMPTY_DIRECTORY [KEY=VALUE]...\n");
    return 2;
  }
  std::map<std::string, std::string> options;
  for (int i = 3; i < argc; ++i) {
    const std::string text = argv[i];
    options[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
  }
  try {
    run(argv[1], argv[2], options);
  } catch (const domed::Error& error) {
    std::fprintf(stderr, "store-bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
