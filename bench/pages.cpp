#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <functional>
#include <random>
#include <set>
#include <stdexcept>

#include "bench/latency.h"
#include "bench/store.h"
#include "bench/verbs.h"

namespace domed::bench {
namespace {

constexpr std::uint64_t kLinesOfAJob = 10;
constexpr std::uint64_t kJobsOfABatch = 1000;
constexpr double kLimit = 5000;  // us, what a page may take at the full size

// Jobs as a busy house has them: few tools and submitters, many branches and names.
class Jobs {
 public:
  explicit Jobs(std::uint64_t count) : count_(count) {}

  std::uint64_t count() const { return count_; }
  static std::string id(std::uint64_t job) {
    std::uint64_t bits = (job + 1) * 0x9e3779b97f4a7c15u;
    bits = (bits ^ (bits >> 31)) * 0xbf58476d1ce4e5b9u;
    char text[40];
    std::snprintf(text, sizeof text, "%016" PRIx64 "%08" PRIx64, bits ^ (bits >> 29), job);
    return text;
  }
  static std::int64_t created(std::uint64_t job) { return static_cast<std::int64_t>(job / 4 + 1); }
  static std::string tool(std::uint64_t job) { return "tool=" + std::to_string(job % 20); }
  static std::string submitter(std::uint64_t job) {
    return "submitter=uid:" + std::to_string(job % 7);
  }
  static std::string branch(std::uint64_t job) {
    return "label:branch=" + std::to_string(job % 1009);
  }
  static std::string name(std::uint64_t job) { return "name=" + std::to_string(job % 100'003); }

  static JobColumns columns(std::uint64_t job) {
    const bool running = job % 1000 == 7;
    return {.created = created(job),
            .state = running         ? "running"
                     : job % 10 == 3 ? "failed"
                                     : "succeeded",
            .unfinished = running,
            .tags = {tool(job), submitter(job), branch(job), name(job)}};
  }

 private:
  std::uint64_t count_;
};

void fill(BenchStore& store, const Jobs& jobs) {
  const LineSpan span(kLinesOfAJob);
  for (std::uint64_t done = 0; done < jobs.count();) {
    const std::uint64_t until = std::min(done + kJobsOfABatch, jobs.count());
    std::vector<std::string> ids, revisions;
    for (std::uint64_t job = done; job < until; ++job) {
      ids.push_back(Jobs::id(job));
      revisions.push_back(revision_of(job, 1));
    }
    std::vector<Entry> entries;
    for (std::uint64_t job = done; job < until; ++job) {
      entries.push_back(span.append_to(ids[job - done], 0, "", revisions[job - done]));
      entries.back().fixed = "request";
      entries.back().columns = Jobs::columns(job);
    }
    store.commit(entries);
    done = until;
  }
}

// One job with a log of its own size.
void fill_large(BenchStore& store, std::uint64_t lines) {
  const LineSpan span(1000);
  for (std::uint64_t base = 0; base < lines; base += span.size()) {
    const std::string before = revision_of(1ull << 40, base / span.size());
    const std::string after = revision_of(1ull << 40, base / span.size() + 1);
    store.commit({span.append_to("large", base, before, after)});
  }
}

// The names that measure() was given.
std::set<std::string>& kinds() {
  static std::set<std::string> names;
  return names;
}

// The worst of many places for one kind of page; of three looks at a place the shortest
// counts, so that what else the machine does is left out.
void measure(Report& report, const std::string& name,
             const std::function<std::size_t(std::uint64_t)>& page) {
  std::mt19937_64 random(7);
  double worst = 0;
  std::size_t shown = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t place = random();
    double shortest = 1e9;
    for (int look = 0; look < 3; ++look) {
      const double begin = now_us();
      shown += page(place);
      shortest = std::min(shortest, now_us() - begin);
    }
    worst = std::max(worst, shortest);
  }
  if (shown == 0) throw std::runtime_error("no page of '" + name + "' showed anything");
  report.add(name + ".worst", "us", worst);
  kinds().insert(name);
}

void measure_lists(BenchStore& store, const Jobs& jobs, Report& report) {
  const auto listed = [&](const std::string& name,
                          const std::function<ListQuery(std::uint64_t)>& query) {
    measure(report, "pages." + name,
            [&](std::uint64_t place) { return store->list(query(place % jobs.count())).size(); });
  };
  listed("newest", [](std::uint64_t) { return ListQuery{}; });
  listed("older", [](std::uint64_t job) {
    return ListQuery{.before = Jobs::created(job), .before_id = Jobs::id(job)};
  });
  listed("state", [](std::uint64_t job) {
    return ListQuery{.state = "failed", .before = Jobs::created(job), .before_id = Jobs::id(job)};
  });
  listed("unfinished", [](std::uint64_t) { return ListQuery{.unfinished = true}; });
  listed("tag", [](std::uint64_t job) { return ListQuery{.tags = {Jobs::tool(job)}}; });
  listed("tag.older", [](std::uint64_t job) {
    return ListQuery{
        .tags = {Jobs::branch(job)}, .before = Jobs::created(job), .before_id = Jobs::id(job)};
  });
  listed("tag.rare", [](std::uint64_t job) { return ListQuery{.tags = {Jobs::name(job)}}; });
  listed("tags", [](std::uint64_t job) {
    return ListQuery{.tags = {Jobs::tool(job), Jobs::submitter(job)}};
  });
  listed("tags.rare", [](std::uint64_t job) {
    return ListQuery{.tags = {Jobs::tool(job), Jobs::name(job)}};
  });
  listed("tag.state", [](std::uint64_t job) {
    return ListQuery{.state = "failed", .tags = {Jobs::branch(job)}};
  });
  listed("tag.since", [&](std::uint64_t job) {
    return ListQuery{.tags = {Jobs::tool(job)}, .since = Jobs::created(jobs.count()) - 1000};
  });
  listed("prefix",
         [](std::uint64_t job) { return ListQuery{.id_prefix = Jobs::id(job).substr(0, 4)}; });
  listed("prefix.on", [](std::uint64_t job) {
    return ListQuery{.id_prefix = Jobs::id(job).substr(0, 1), .after_id = Jobs::id(job)};
  });
}

void measure_reads(BenchStore& store, const Jobs& jobs, std::uint64_t large, Report& report) {
  const auto read = [&](const std::string& job, std::uint64_t from, Direction direction) {
    const auto slice = store->read(job, from, 1000, 1 << 20, direction);
    return slice ? slice->ends.size() : 0;
  };
  measure(report, "pages.backward", [&](std::uint64_t place) {
    return read(Jobs::id(place % jobs.count()), UINT64_MAX, Direction::backward);
  });
  measure(report, "pages.backward.large", [&](std::uint64_t place) {
    return read("large", 1 + place % large, Direction::backward);
  });
  measure(report, "pages.forward.large", [&](std::uint64_t place) {
    return read("large", 1 + place % large, Direction::forward);
  });
}

}  // namespace

void run_pages(const Options& options, Report& report) {
  BenchStore store(options);
  const Jobs jobs(options.scaled(1'000'000, 1000));
  const std::uint64_t large = options.scaled(1'000'000, 2000);
  const double begin = now_us();
  fill(store, jobs);
  report.add("pages.fill", "jobs/s", 1e6 * static_cast<double>(jobs.count()) / (now_us() - begin));
  fill_large(store, large);
  for (int i = 0; i < options.repeats; ++i) {
    measure_lists(store, jobs, report);
    measure_reads(store, jobs, large, report);
  }
  if (options.scale >= 1)
    for (const std::string& name : kinds())
      report.at_most(name + ".worst", kLimit, "1,000,000 jobs");
}

}  // namespace domed::bench
