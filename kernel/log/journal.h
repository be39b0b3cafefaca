#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/workers.h"
#include "domed/store.h"
#include "log/backlog.h"
#include "log/commit.h"
#include "log/job_log.h"
#include "protocol/api_error.h"
#include "protocol/limits.h"

namespace domed {

// When the store may know more of a job than the observer was told: "committing", until
// the observer hears of it; "forget", for good, because what it was told may be wrong.
struct Doubts {
  std::function<void(const std::string& job_id)> committing = [](const std::string&) {};
  std::function<void(const std::string& job_id)> forget = [](const std::string&) {};
};

// How the store fares with what it is asked to keep.
struct StoreWatch {
  // After each try: why it failed, or nothing where it did not, and none did for two seconds.
  std::function<void(const std::optional<Error>& failure)> tried = [](const auto&) {};
  // What it kept, and how long that took.
  std::function<void(std::chrono::nanoseconds took, std::size_t events, std::size_t bytes)> kept =
      [](auto, auto, auto) {};
  // Has the store keep something of no meaning, or throws: asked every two seconds while it fails,
  // for nobody else may try.
  std::function<void()> probe = [] {};
};

// The one writer.  Commands are folded into their jobs' logs, in the order that log/backlog.h
// tells; what has come while a commit ran forms the next one, so batches grow with the load and
// nothing waits on a timer.  After the store has made a batch durable the observer learns of it,
// then each command is answered, in commit order.
//
// Lost answers: a commit that failed, or whose outcome stayed unknown, may have been kept all the
// same, now or later.  What memory thinks of its jobs is forgotten; and as soon as the store can be
// read again the observer is told what became of them, without lines, as of a commit that somebody
// else made (look_again).
//
// Thread safety: submit() from any thread.  Observer, doubts and answers run on the
// thread that commits, never on two at a time, and must not block.
class Journal {
 public:
  struct Command {
    std::string job_id;
    Sender from{};  // who sent it (Call::sender); of no connection: the kernel's own
    // Changes the log or throws ApiError, which then changed nothing.  False: it
    // must wait for another command on the same job; it is tried again after
    // each, and at the latest after limits::kGapWait with "last_chance" set.
    std::function<bool(JobLog& log, bool last_chance)> apply;
    // Called exactly once: null when what apply() did or saw is durable, else the reason.
    std::function<void(std::exception_ptr)> done;
    std::size_t bytes = 0;  // what it holds in memory, for the bound
    // What it adds to the entry at most; an entry is cut where the next would not fit.
    std::size_t entry_bytes = limits::kBatchBytes + limits::kEventBytes;
    bool exclusive = false;  // trim, purge: shares a commit with no other of its job
    bool renews = false;     // may meet a log of a former life, to give it its new name
  };
  using Observer = std::function<void(const Commit&)>;
  // Of jobs that were submitted, have started or are over; told after the observer.
  using News = std::function<void(const JobNews&)>;
  Journal(Store& store, Environment& environment, Observer observer, Doubts doubts = {},
          StoreWatch watch = {}, News news = {});
  ~Journal();

  // Others write to the store too.  Before anybody submits.
  //
  // `TruthInTheStore`: what memory has of a job is then good for one thing: to make a commit of,
  // which the store refuses where another one was faster.  All else that is answered, a refusal, a
  // replay, a wait, is answered of a record that was read after the command came.
  void share() { shared_ = true; }
  // Somebody else has changed the job: who waits in it for another batch may have it now.
  void changed_elsewhere(const std::string& job_id);

  // Throws ApiError(E_BUSY) when the queue is full; "done" is then not called.
  void submit(Command command);
  // submit(), and where nobody commits, this one commit on the caller's own thread: to wake another
  // costs a command that comes alone a good part of its time.  Not where the last commit was slow
  // or failed: callers are threads that others wait for, too.
  void submit_or_commit(Command command);
  // submit() and wait.  Throws what "done" would have been given.  Never full.
  void run(const std::string& job_id, std::function<void(JobLog&)> change);

  // Gives a log of a former life of the store its new log_id, and waits for it; nothing where it
  // is none, or has it already.  The new digest is computed by the caller's thread, which must not
  // be one that commits.  Throws Error, ApiError: then the log can be neither shown nor changed.
  // Commands that meet such a log wait until a thread of the journal's own has done this.
  void renew(const std::string& job_id);

  // Finishes what is queued, then stops; later commands get E_BUSY.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  struct Queued {
    Command command;
    Clock::time_point deadline = Clock::time_point::max();  // parked until then
    int attempts = 0;
    std::exception_ptr refused;
  };
  using Round = std::vector<Queued>;

  void push(Queued queued, bool bounded, bool may_commit);
  void work();
  bool next(Round& round);
  void await_work(std::unique_lock<std::mutex>& lock);
  void handle(Round& round) noexcept;
  void fold(Round& round);
  bool apply(Queued& queued);
  bool apply_truly(Queued& queued);
  bool must_defer(const Queued& queued, const JobLog& log) const;
  JobLog& load(const std::string& job_id);
  bool must_be_renewed(const Queued& queued);
  void begin_renewal(const std::string& job_id);
  void take_renewed(Round& round);
  std::vector<Outcome> keep(std::span<const Entry> entries,
                            std::map<std::string, std::exception_ptr>& damaged);
  void publish(JobLog& log);
  bool is_done(JobLog& log, Outcome outcome);
  void doubt(const JobLog& log);
  void tell_late(const JobLog& log);
  void look_again();
  void tried(const std::optional<Error>& failure, Clock::duration took);
  void failed(const std::exception& e);
  void answer(Queued& queued, std::exception_ptr error);
  void forget_idle(const Round& round);

  Store& store_;
  Environment& environment_;
  const Observer observer_;
  const News news_;
  const Doubts doubts_;
  const StoreWatch watch_;
  const std::string incarnation_;
  bool shared_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  Backlog<Queued> backlog_;
  std::size_t held_bytes_ = 0;  // of commands that are not answered yet
  bool stopping_ = false;
  bool committing_ = false;
  std::size_t parks_ = 0;  // jobs that have parked commands, as the last round left it
  std::map<std::string, std::exception_ptr> renewed_;  // null: as it should be

  // The committing thread's own; with the mutex held, anybody's while none is.
  std::unordered_map<std::string, std::unique_ptr<JobLog>> logs_;
  std::map<std::string, std::vector<Queued>> parked_;
  std::set<std::string> fresh_;  // of a shared store: the jobs that were read in this round
  std::deque<Queued> deferred_;
  // Jobs of which the store may know more than the observer: the revision that this one knows.
  std::map<std::string, std::string> untold_;
  bool failing_ = false, prompt_ = true;  // tries failed lately; the last one was quick
  Clock::time_point failed_at_;
  Clock::time_point look_at_ = Clock::time_point::max();  // for those, and whether it still fails
  Clock::duration pause_{};
  std::map<std::string, std::vector<Queued>> former_;  // they wait for their log's new name

  Workers renewers_{1};
  std::thread thread_;
};

}  // namespace domed
