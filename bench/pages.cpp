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

// The names of all kinds of pages.
std::set<std::string>& kinds() {
  static std::set<std::string> names;
  return names;
}

// What the slowest of "places" pages takes, each at a place of its own; of three looks at a place
// the shortest counts, so that what else the machine does is left out.
double worst_of(int places, const std::function<void(std::uint64_t)>& page) {
  std::mt19937_64 random(7);
  double worst = 0;
  for (int i = 0; i < places; ++i) {
    const std::uint64_t place = random();
    double shortest = 1e9;
    for (int look = 0; look < 3; ++look) {
      const double begin = now_us();
      page(place);
      shortest = std::min(shortest, now_us() - begin);
    }
    worst = std::max(worst, shortest);
  }
  return worst;
}

void add(Report& report, const std::string& name, double worst) {
  report.add(name + ".worst", "us", worst);
  kinds().insert(name);
}

// One kind of page.
void measure(Report& report, const std::string& name,
             const std::function<std::size_t(std::uint64_t)>& page) {
  std::size_t shown = 0;
  add(report, name, worst_of(100, [&](std::uint64_t place) { shown += page(place); }));
  if (shown == 0) throw std::runtime_error("no page of '" + name + "' showed anything");
}

void measure_lists(BenchStore& store, const Jobs& jobs, Report& report) {
  const auto listed = [&](const std::string& name,
                          const std::function<ListQuery(std::uint64_t)>& query) {
    measure(report, "pages." + name, [&](std::uint64_t place) {
      return store->list(query(place % jobs.count())).jobs.size();
    });
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

struct TagsOfAPage {
  const char* name;
  std::vector<std::string> (*of)(std::uint64_t job);
};
using Tags = std::vector<std::string>;

// By what their lists have in common: all, little, one job, nothing.
const TagsOfAPage kTags[] = {
    {"none", [](std::uint64_t) { return Tags{}; }},
    {"long", [](std::uint64_t job) { return Tags{Jobs::tool(job)}; }},
    {"short", [](std::uint64_t job) { return Tags{Jobs::branch(job)}; }},
    {"long.long",
     [](std::uint64_t job) {
       return Tags{Jobs::tool(job), Jobs::submitter(job)};
     }},
    {"short.long",
     [](std::uint64_t job) {
       return Tags{Jobs::branch(job), Jobs::submitter(job)};
     }},
    {"short.short",
     [](std::uint64_t job) {
       return Tags{Jobs::branch(job), Jobs::name(job)};
     }},
    {"long.apart",
     [](std::uint64_t job) {
       return Tags{Jobs::tool(job), Jobs::tool(job + 1)};
     }},
    {"short.apart",
     [](std::uint64_t job) {
       return Tags{Jobs::branch(job), Jobs::branch(job + 9)};
     }},
    {"unknown",
     [](std::uint64_t job) {
       return Tags{"unknown", Jobs::tool(job)};
     }},
};

// The worst page of every combination of the other filters, from the newest job on and from
// within: where little fits, most is looked at in vain.
double worst_combination(BenchStore& store, const Jobs& jobs, const TagsOfAPage& tags,
                         std::size_t prefix, std::size_t& shown) {
  double worst = 0;
  const auto look = [&](const ListQuery& filters) {
    const double one = worst_of(6, [&](std::uint64_t place) {
      const std::uint64_t job = place % jobs.count();
      const bool within = place >> 63;
      ListQuery query = filters;
      query.tags = tags.of(job);
      query.id_prefix = Jobs::id(job).substr(0, prefix);
      if (within && prefix > 0) query.after_id = Jobs::id(job);
      if (within && prefix == 0) query.before = Jobs::created(job), query.before_id = Jobs::id(job);
      shown += store->list(query).jobs.size();
    });
    worst = std::max(worst, one);
  };
  for (const char* state : {"", "running", "failed", "succeeded", "unknown"})
    for (const bool unfinished : {false, true})
      for (const bool tombstones : {false, true})
        for (const std::uint64_t since : {std::uint64_t{0}, jobs.count() / 2, jobs.count()})
          look({.state = state,
                .since = since ? Jobs::created(since) : 0,
                .unfinished = unfinished,
                .tombstones = tombstones});
  return worst;
}

void measure_combinations(BenchStore& store, const Jobs& jobs, Report& report) {
  std::size_t shown = 0;
  for (const TagsOfAPage& tags : kTags)
    for (const std::size_t prefix : {0, 1, 3}) {
      std::string name = std::string("pages.all.") + tags.name;
      if (prefix > 0) name += ".prefix" + std::to_string(prefix);
      add(report, name, worst_combination(store, jobs, tags, prefix, shown));
    }
  if (shown == 0) throw std::runtime_error("no combination of filters showed anything");
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
    measure_combinations(store, jobs, report);
    measure_reads(store, jobs, large, report);
  }
  if (options.scale >= 1)
    for (const std::string& name : kinds())
      report.at_most(name + ".worst", kLimit, "1,000,000 jobs");
}

}  // namespace domed::bench
