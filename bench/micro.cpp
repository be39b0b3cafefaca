// domed-micro: the parts of an event's way, each alone.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <stdexcept>

#include "bench/batch.h"
#include "client/event_line.h"
#include "domed/support/hash.h"
#include "loader/loader.h"
#include "loader/manifest.h"
#include "loader/options.h"
#include "log/append.h"
#include "log/journal.h"
#include "protocol/request.h"

namespace domed {
namespace {

using bench::kUsualBatch;
const std::string kJob(64, 'a'), kToken(32, 't');
const std::string kText(94, 'x');  // a payload of 128 bytes

std::string payload() {
  return R"({"stream":"stdout","text":")" + kText + "\"}";
}

std::string line(std::uint64_t seq) {
  return encode_line(json_string(kJob), seq, "2026-01-31T12:00:00.000000Z", "log", payload());
}

std::string params(std::uint64_t batch, std::uint64_t count) {
  std::string events;
  for (std::uint64_t i = 0; i < count; ++i)
    events += (i ? "," : "") + std::string(R"({"type":"log","payload":)") + payload() + "}";
  return R"({"job_id":")" + kJob + R"(","producer_id":"p","producer_token":")" + kToken +
         R"(","batch":)" + std::to_string(batch) + R"(,"events":[)" + events + "]}";
}

void count_events(benchmark::State& state, std::uint64_t each) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * each));
}

// A request's bytes to a batch that can be folded.
void read_request(benchmark::State& state) {
  const std::string bytes = R"({"jsonrpc":"2.0","id":1,"method":"AppendJobEvents","params":)" +
                            params(1, kUsualBatch) + "}";
  for (auto _ : state) {
    Request request;
    domed::read_request(bytes, request);
    benchmark::DoNotOptimize(read_append(request.params));
  }
  count_events(state, kUsualBatch);
}
BENCHMARK(read_request);

void encode(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(line(1'000'000));
  count_events(state, 1);
}
BENCHMARK(encode);

void digest(benchmark::State& state) {
  DigestChain chain(kJob);
  const std::string text = line(1'000'000);
  for (auto _ : state) chain.add(text);
  benchmark::DoNotOptimize(chain.digest());
  count_events(state, 1);
}
BENCHMARK(digest);

Submission submission() {
  Submission out;
  out.fixed.job_id = kJob;
  out.fixed.request = {{"executor", "external"}};
  out.token = kToken;
  return out;
}

Batch running() {
  Batch batch;
  batch.producer_id = "p", batch.producer_token = kToken, batch.number = 1;
  batch.provenance = "{}";
  batch.events = read_events(R"([{"type":"state_change","payload":{"to":"running"}}])");
  return batch;
}

// Numbering, lines, digests and totals of a batch, and the record it leaves.
void fold(benchmark::State& state) {
  SystemEnvironment environment;
  JobLog log(kJob, environment);
  Submission job = submission();
  AppendResult result;
  log.create(job);
  log.append(running(), true, result);
  std::string text = params(2, kUsualBatch);
  AppendRequest request = read_append(text);
  for (auto _ : state) {
    const auto mark = log.mark();
    log.append(request.batch, true, result);
    benchmark::DoNotOptimize(log.entry("bench"));
    log.take_committed();
    ++request.batch.number;
  }
  count_events(state, kUsualBatch);
}
BENCHMARK(fold);

struct SilentHost final : Host {
  void log(Level, std::string_view) noexcept override {}
};

// An empty store of a plugin, in a directory that is gone at the end.
class Scratch {
 public:
  explicit Scratch(const std::string& name) : plugin_(load_manifest(manifest(name))) {
    if (!mkdtemp(path_.data())) throw Error(Code::io, "cannot make " + path_);
    store_ = plugin_.create_store(make_options(plugin_.manifest(), {}, path_), host_);
  }
  ~Scratch() {
    store_.reset();
    std::filesystem::remove_all(path_);
  }
  Store& store() { return *store_; }

 private:
  static std::string manifest(const std::string& name) {
    const auto bin = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    return (bin / "../plugins" / (name + ".yaml")).string();
  }
  std::string path_ = "/tmp/domed-micro-XXXXXX";
  SilentHost host_;
  Plugin plugin_;
  std::unique_ptr<Store> store_;
};

// A command through the journal and a store that keeps nothing safe, and back.
void journal(benchmark::State& state) {
  Scratch scratch("store-memory");
  SystemEnvironment environment;
  Journal journal(scratch.store(), environment, [](const Commit&) {});
  journal.run(kJob, [](JobLog& log) {
    Submission job = submission();
    log.create(job);
  });
  AppendResult result;
  journal.run(kJob, [&](JobLog& log) { log.append(running(), true, result); });
  std::string text = params(2, kUsualBatch);
  AppendRequest request = read_append(text);
  for (auto _ : state) {
    journal.run(kJob, [&](JobLog& log) { log.append(request.batch, true, result); });
    ++request.batch.number;
  }
  count_events(state, kUsualBatch);
}
BENCHMARK(journal)->UseRealTime();

// Of the log that ends at "head".
std::string revision(std::uint64_t head) {
  const std::string digits = std::to_string(head);
  return std::string(kRevisionBytes - digits.size(), 'r') + digits;
}

class Lines {
 public:
  explicit Lines(std::uint64_t count) {
    for (std::uint64_t i = 1; i <= count; ++i) {
      bytes_ += line(i) + "\n";
      ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
    }
  }
  // What it returns shows this object's, until it is called again.
  Entry entry(std::uint64_t head) {
    before_ = head == 0 ? "" : revision(head);
    after_ = revision(head + ends_.size());
    Entry out;
    out.job_id = kJob;
    out.expected_revision = before_;
    out.revision = after_;
    out.base = head;
    out.events = bytes_, out.ends = ends_, out.head = record_;
    out.columns = {1, "running", true, {}};
    return out;
  }

 private:
  std::string bytes_, before_, after_;
  std::vector<std::uint32_t> ends_;
  const std::string record_ = std::string(400, 'h');
};

void keep(Store& store, const Entry& entry) {
  if (store.commit({&entry, 1}).front() != Outcome::done)
    throw std::runtime_error("the store did not keep what was measured");
}

void commit(benchmark::State& state) {
  Scratch scratch("store-sqlite");
  const auto count = static_cast<std::uint64_t>(state.range(0));
  Lines lines(count);
  std::uint64_t head = 0;
  for (auto _ : state) {
    keep(scratch.store(), lines.entry(head));
    head += count;
  }
  count_events(state, count);
}
BENCHMARK(commit)->Arg(1)->Arg(1000)->UseRealTime();

void read(benchmark::State& state) {
  Scratch scratch("store-sqlite");
  Lines lines(1000);
  for (std::uint64_t i = 0; i < 100; ++i) keep(scratch.store(), lines.entry(i * 1000));
  const auto count = static_cast<std::size_t>(state.range(0));
  std::uint64_t from = 1;
  for (auto _ : state) {
    if (scratch.store().read(kJob, from, count, 4 << 20)->ends.size() != count)
      throw std::runtime_error("the store did not read what was measured");
    from = 1 + (from + 7919) % 90'000;
  }
  count_events(state, count);
}
BENCHMARK(read)->Arg(1)->Arg(1000)->Arg(10000);

}  // namespace
}  // namespace domed

BENCHMARK_MAIN();
