#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "domed/store.h"
#include "log/job_log.h"
#include "protocol/api_error.h"

namespace domed {

// What a durable change made of one job: what followers, the scheduler and held
// polls are told.
struct Commit {
  std::string job_id, log_id;
  std::shared_ptr<const std::string> lines;  // each with its LF; may be empty
  std::uint64_t first = 0, head = 0;         // seq of the first and last line
  std::uint64_t first_seq = 0;               // of the log's oldest event
  State state = State::queued;
  bool external = false, cancel_requested = false, held = false;
  bool retry = false;  // over, and to be tried again
  bool gone = false;   // deleted
};

// When the store may know more of a job than the observer was told: "committing", until
// the observer hears of it; "forget", for good, because what it was told may be wrong.
struct Doubts {
  std::function<void(const std::string& job_id)> committing = [](const std::string&) {};
  std::function<void(const std::string& job_id)> forget = [](const std::string&) {};
};

// The one writer.  Commands are folded into their jobs' logs in the order of
// arrival; all that have come while a commit ran form the next one, so batches
// grow with the load and nothing waits on a timer.  After the store has made a
// batch durable the observer learns of it, then each command is answered, in
// commit order.
//
// Thread safety: submit() from any thread.  Observer, doubts and answers run on the
// thread that commits, never on two at a time, and must not block.
class Journal {
 public:
  struct Command {
    std::string job_id;
    // Changes the log or throws ApiError, which then changed nothing.  False: it
    // must wait for another command on the same job; it is tried again after
    // each, and at the latest after limits::kGapWait with "last_chance" set.
    std::function<bool(JobLog& log, bool last_chance)> apply;
    // Called exactly once: null when what apply() did or saw is durable, else the reason.
    std::function<void(std::exception_ptr)> done;
    std::size_t bytes = 0;   // what it holds in memory, for the bound
    bool exclusive = false;  // trim, purge: shares a commit with no other of its job
  };
  using Observer = std::function<void(const Commit&)>;
  Journal(Store& store, Environment& environment, Observer observer, Doubts doubts = {});
  ~Journal();

  // Throws ApiError(E_BUSY) when the queue is full; "done" is then not called.
  void submit(Command command);
  // submit(), and where nobody commits, this one commit on the caller's own thread:
  // to wake another costs a command that comes alone a good part of its time.
  void submit_or_commit(Command command);
  // submit() and wait.  Throws what "done" would have been given.  Never full.
  void run(const std::string& job_id, std::function<void(JobLog&)> change);

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
  bool must_defer(const Queued& queued, const JobLog& log) const;
  JobLog& load(const std::string& job_id);
  void publish(JobLog& log);
  bool is_done(JobLog& log, const EntryResult& result);
  void answer(Queued& queued, std::exception_ptr error);
  void forget_idle(const Round& round);

  Store& store_;
  Environment& environment_;
  const Observer observer_;
  const Doubts doubts_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Queued> queue_;
  std::size_t held_bytes_ = 0;  // of commands that are not answered yet
  bool stopping_ = false;
  bool committing_ = false;

  // The committing thread's own; with the mutex held, anybody's while none is.
  std::unordered_map<std::string, std::unique_ptr<JobLog>> logs_;
  std::map<std::string, std::vector<Queued>> parked_;
  std::deque<Queued> deferred_;

  std::thread thread_;
};

}  // namespace domed
