#include "bench/store.h"

#include <algorithm>
#include <stdexcept>

#include "bench/latency.h"
#include "bench/verbs.h"
#include "loader/manifest.h"
#include "loader/options.h"

namespace domed::bench {

BenchStore::BenchStore(const Options& options)
    : directory_(options), plugin_(load_manifest(options.plugins + "/" + options.store + ".yaml")) {
  const OptionValues values = make_options(
      plugin_.manifest(), store_options(options, directory_.path()), directory_.path());
  store_ = plugin_.create_store(values, host_);
}

void BenchStore::commit(const std::vector<Entry>& entries) {
  for (const Outcome outcome : store_->commit(entries))
    if (outcome != Outcome::done) throw std::runtime_error("the store did not do an entry");
}

LineSpan::LineSpan(std::size_t count) {
  for (std::size_t i = 1; i <= count; ++i) {
    bytes_.append(kLine - 1, static_cast<char>('a' + i % 26)).push_back('\n');
    ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }
}

Entry LineSpan::append_to(const std::string& job, std::uint64_t base,
                          std::string_view expected_revision, std::string_view revision) const {
  Entry entry;
  entry.job_id = job;
  entry.expected_revision = expected_revision;
  entry.revision = revision;
  entry.base = base;
  entry.events = bytes_;
  entry.ends = ends_;
  entry.head = head_;
  entry.columns.state = "running";
  entry.columns.unfinished = true;
  return entry;
}

std::string revision_of(std::uint64_t job, std::uint64_t number) {
  if (number == 0) return "";
  std::string revision;
  for (const std::uint64_t half : {job * 0x9e3779b97f4a7c15u, number})
    for (int shift = 0; shift < 64; shift += 8) revision += static_cast<char>(half >> shift);
  return revision;
}

namespace {

constexpr std::uint64_t kJobs = 8;

void append_batches(BenchStore& store, std::uint64_t batches, Report& report) {
  const LineSpan span(1000 / kJobs);
  std::vector<std::string> jobs;
  for (std::uint64_t i = 0; i < kJobs; ++i) jobs.push_back("batch-" + std::to_string(i));
  std::vector<std::string> before(kJobs), after(kJobs);
  const double begin = now_us();
  for (std::uint64_t i = 0; i < batches; ++i) {
    std::vector<Entry> entries;
    for (std::uint64_t job = 0; job < kJobs; ++job) {
      after[job] = revision_of(job, i + 1);
      entries.push_back(span.append_to(jobs[job], i * span.size(), before[job], after[job]));
    }
    store.commit(entries);
    before.swap(after);
  }
  report.add("store.batches", "events/s",
             1e6 * static_cast<double>(batches * kJobs * span.size()) / (now_us() - begin));
}

void append_singly(BenchStore& store, std::uint64_t count, Report& report) {
  const LineSpan span(1);
  std::vector<double> times;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string before = revision_of(kJobs, i), after = revision_of(kJobs, i + 1);
    const double begin = now_us();
    store.commit({span.append_to("single", i, before, after)});
    times.push_back(now_us() - begin);
  }
  std::sort(times.begin(), times.end());
  report.add("store.single.p50", "us", times[times.size() / 2]);
  report.add("store.single.p99", "us", times[times.size() * 99 / 100]);
}

void read_whole(BenchStore& store, const std::string& job, std::uint64_t head, Report& report) {
  std::uint64_t events = 0;
  const double begin = now_us();
  while (events < head) {
    const auto slice = store->read(job, events + 1, 10000, 1 << 20);
    if (!slice || slice->ends.empty()) throw std::runtime_error("the log is not whole");
    events += slice->ends.size();
  }
  report.add("store.read", "events/s", 1e6 * static_cast<double>(events) / (now_us() - begin));
}

}  // namespace

void run_store(const Options& options, Report& report) {
  for (int i = 0; i < options.repeats; ++i) {
    BenchStore store(options);
    const std::uint64_t batches = options.scaled(1000, 10);
    append_batches(store, batches, report);
    append_singly(store, options.scaled(3000, 10), report);
    read_whole(store, "batch-3", batches * (1000 / kJobs), report);
  }
}

}  // namespace domed::bench
