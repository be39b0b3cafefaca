#include "domectl/follow_many.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <set>
#include <thread>

#include "base/units.h"
#include "client/follower.h"
#include "domectl/interrupt.h"
#include "domectl/outcome.h"
#include "domectl/report.h"
#include "domectl/screen_line.h"
#include "domectl/sieve.h"
#include "domectl/table.h"
#include "domectl/watch.h"

namespace domed::ctl {
namespace {

// What a name may take of the line; and what is kept for it where jobs are still to come.
constexpr std::size_t kMostColumns = 20, kColumns = 10;
// The daemon holds a thousand polls for everybody.
constexpr std::size_t kMostAtOnce = 256;
constexpr std::chrono::milliseconds kLookAgain{500};

// What stands before a job's lines: its name, where another one has it too with a part of its id.
class Names {
 public:
  std::string of(const OrderedJson& job) {
    const std::string id = field(job, "job_id"), name = field(job, "name");
    std::string out = fitting(name.empty() ? id.substr(0, 8) : name, kMostColumns);
    if (!taken_.insert(out).second) taken_.insert(out += "~" + id.substr(0, 4));
    return out;
  }

 private:
  std::set<std::string> taken_;
};

// The jobs that are followed, each by a thread of its own.  What one of them prints is a whole
// line, under the lock, so that the output is one thread's at a time.
class Followers {
 public:
  Followers(Context& context, const ManyJobs& many, const Printer::Options& printing,
            const StopBySignal& stop)
      : context_(context), many_(many), printing_(printing), token_(stop_.get_token()) {
    stopped_.emplace(stop.token(), [this] { end(); });
  }
  ~Followers() { end(); }

  void add(const OrderedJson& job, std::size_t columns) {
    const std::string id = job.at("job_id").get<std::string>(), name = names_.of(job);
    Printer::Options options = printing_;
    const Colours colours = Colours::of(STDOUT_FILENO);
    const std::size_t width = std::max(columns, columns_of_text(name));
    options.prefix = colours.nth(jobs_.size(), name) +
                     std::string(width - columns_of_text(name), ' ') + colours.dim(" | ");
    options.prefix_columns = width + 3;
    options.created = [this, id] { return created_at(context_, id); };
    // On this thread, for the context is not for several.
    const Range range = range_of(context_, id, *printing_.view, token_);
    const std::lock_guard lock(mutex_);
    Job& added = jobs_.emplace_back();
    added.id = id, added.name = name;
    ++running_;
    added.thread = std::jthread([this, &added, range, options] { follow(added, range, options); });
  }

  std::size_t running() const {
    const std::lock_guard lock(mutex_);
    return running_;
  }
  // Until all are over, or for as long.
  void wait(std::optional<std::chrono::milliseconds> time = {}) {
    std::unique_lock lock(mutex_);
    const auto over = [this] { return running_ == 0 || broken_ || token_.stop_requested(); };
    const auto left = [this] { return broken_ || token_.stop_requested(); };
    time ? void(wake_.wait_for(lock, *time, left)) : wake_.wait(lock, over);
    if (broken_) std::rethrow_exception(broken_);
  }
  // Of the first that did not succeed, in the order in which they were given.
  int code() const {
    const std::lock_guard lock(mutex_);
    for (const Job& job : jobs_) {
      if (job.failed) return context_.failure;
      if (!many_.exit_code) continue;
      if (const int code = exit_code_of(job.outcome)) return code;
    }
    return 0;
  }

 private:
  struct Job {
    std::string id, name, outcome;
    bool failed = false;
    std::jthread thread;
  };

  void end() {
    stop_.request_stop();
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  }

  void follow(Job& job, const Range& range, const Printer::Options& options) {
    try {
      run(job, range, options);
    } catch (const ApiError& e) {
      const std::lock_guard lock(mutex_);
      if (e.name() != "E_STOPPED" && !token_.stop_requested()) {
        job.failed = true;
        ctl::report(ApiError(e.name(), job.name + ": " + e.what(), e.fields()), context_.json);
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!broken_) broken_ = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    --running_;
    wake_.notify_all();
  }

  void run(Job& job, const Range& range, const Printer::Options& printing) {
    FollowOptions options;
    options.job_id = job.id, options.log_id = range.log_id;
    options.since_seq = range.since_seq, options.deadline = range.deadline;
    options.follow = many_.follow, options.use_frames = many_.frames;
    options.stop = token_;
    options.on_idle = [this] {
      const std::lock_guard lock(mutex_);
      out().flush();
    };
    Printer printer(out(), err(), printing);
    Sieve sieve(
        *printing.view, [&](std::string_view line, const EventLine&) { printer.event(line); },
        [&] {
          if (!context_.json) out().put(printing.prefix + "--\n");
        });
    Follower follower(context_.client(), options);
    follow_until(follower, range.until_seq, [&](std::string_view line, std::uint64_t) {
      const auto event = read_event_line(line);
      if (!event) return;
      const std::lock_guard lock(mutex_);
      sieve.take(line, *event);
      if (is_terminal(*event)) job.outcome = event->payload;
    });
    const std::lock_guard lock(mutex_);
    printer.end_lines();
    out().flush();
    const std::string text = outcome_text(job.outcome);
    if (printing.form == Printer::Form::output && !text.empty()) note(job.name + " " + text);
  }

  Context& context_;
  const ManyJobs& many_;
  const Printer::Options printing_;
  std::stop_source stop_;  // of all of them: a signal, or the end of this
  const std::stop_token token_;
  Names names_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::size_t running_ = 0;
  std::exception_ptr broken_;
  std::optional<std::stop_callback<std::function<void()>>> stopped_;
  std::list<Job> jobs_;  // the last member: its threads use all others
};

// Those that are not over, oldest first, and from then on each that is new.
void follow_all(Context& context, const ManyJobs& many, Followers& followers,
                const std::stop_token& stop) {
  std::set<std::string> seen;
  const auto take = [&](const Filter& filter, bool unfinished) {
    auto jobs = jobs_of(context, filter, 10'000, stop);
    for (auto job = jobs.rbegin(); job != jobs.rend(); ++job) {
      if (!seen.insert(field(*job, "job_id")).second) continue;
      if (unfinished && is_terminal_state(field(*job, "state"))) continue;
      while (followers.running() >= kMostAtOnce && !stop.stop_requested())
        followers.wait(kLookAgain);
      followers.add(*job, kColumns);
    }
    return jobs.empty() ? std::string() : field(jobs.front(), "created_at");
  };
  Filter recent = many.filter;
  recent.since = format_time(context.daemon_now());
  for (const char* state : {"queued", "running"}) {
    Filter filter = many.filter;
    if (filter.state.empty()) filter.state = state;
    take(filter, true);
  }
  while (!stop.stop_requested()) {
    // By the time of the newest one on: of that very time others may come.
    if (const std::string newest = take(recent, false); !newest.empty()) recent.since = newest;
    followers.wait(kLookAgain);
  }
}

}  // namespace

int follow_many(Context& context, const ManyJobs& many, const Printer::Options& printing) {
  context.client();  // before the signals are taken
  const StopBySignal stop({}, true);
  Followers followers(context, many, printing, stop);
  std::vector<OrderedJson> jobs;
  std::size_t columns = 0;
  std::set<std::string> seen;
  for (const auto& text : many.jobs) {
    auto job = context.with_job(text, [&](const std::string& id) {
      return OrderedJson::parse(context.client().call_raw("GetJobStatus", {{"job_id", id}}));
    });
    if (seen.insert(field(job, "job_id")).second) jobs.push_back(std::move(job));
  }
  for (const auto& job : jobs) {
    const std::string name = field(job, "name");
    columns = std::max(columns, std::min(kMostColumns, name.empty() ? 8 : columns_of_text(name)));
  }
  try {
    for (const auto& job : jobs) followers.add(job, columns);
    many.all ? follow_all(context, many, followers, stop.token()) : followers.wait();
  } catch (const ApiError& e) {
    if (e.name() != "E_STOPPED") throw;
  }
  return stop.stopped() ? stop.code() : followers.code();
}

}  // namespace domed::ctl
