#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/workers.h"
#include "domed/store.h"
#include "follow/polls.h"
#include "follow/tails.h"
#include "log/journal.h"
#include "protocol/call.h"
#include "protocol/limits.h"

namespace domed {

// StreamJobEvents: pages of a log, and long polls that wait until there is one.  What
// memory has of a live job is answered at once, on the caller's thread; the store is
// asked on a worker's.
//
// Thread-safe.
class Streams {
 public:
  // "events_urls" tells where the frames of a job are published.
  using EventsUrls = std::function<std::vector<std::string>(const std::string& job_id)>;

  Streams(const Store& store, Workers& workers, PollLimits polls, EventsUrls events_urls);

  // Others write to the store too: `TruthInTheStore`, all pages are read from it.  Before anybody
  // asks.
  struct Shared {
    std::string node;  // this one
    // How long a runner's poll is held at most, and for how long a run that this node watches may
    // go on (NodeLease::tell).
    std::chrono::milliseconds poll_at_most{limits::kWaitMsMost};
    std::function<std::optional<std::chrono::milliseconds>(const std::string& job_id)> tell =
        [](const std::string&) { return std::nullopt; };
    // Makes this node the watcher of the run that "token" is of, and calls "done" as the journal
    // does.
    std::function<void(const std::string& job_id, const std::string& token,
                       std::function<void(std::exception_ptr)> done)>
        watch;
    // Where a runner of this node reaches the others that live.
    std::function<std::vector<std::string>()> others = [] { return std::vector<std::string>(); };
  };
  void share(Shared shared) { shared_ = std::move(shared); }

  // Throws ApiError for what it refuses at once.
  void page(Call call);

  // What the journal tells of a job; see there.
  void committing(const std::string& job_id) { tails_.committing(job_id); }
  void committed(const Commit& commit);
  void forget(const std::string& job_id);
  // Any job may have changed: all polls are let go.
  void changed_all();

  // Calls "over" once, on a worker: when the job has ended or is gone, when "wait" is over, the
  // client of "call" has left or may not ask any more, or the daemon stops; at once where as many
  // wait as may.  "dropped" instead where the workers stop first.
  void when_over(const std::string& job_id, const Call& call, std::chrono::milliseconds wait,
                 const Workers::Task& over, const Workers::Task& dropped);

  void client_left(std::uint32_t pipe);
  // Roles have changed: who may not ask any more waits no longer.
  void look_again();
  std::size_t held_polls() { return polls_.held() + ends_.held(); }
  // Lets all polls go; later ones are refused.
  void stop();

 private:
  struct Asked {
    Call call;
    PageRequest request;
    std::chrono::milliseconds wait{0};
    bool lines = false;     // wants them as strings
    bool released = false;  // has waited
    bool watched = false;   // a run's: the record names this node by now
  };
  using AskedPtr = std::shared_ptr<Asked>;

  void answer_on_worker(const AskedPtr& asked);
  void come_to_watch(const AskedPtr& asked);
  void release(const AskedPtr& asked);
  void answer_released(const std::function<void(const AskedPtr&)>& answer);
  void answer_at_last(const AskedPtr& asked);
  bool answer_from_memory(const AskedPtr& asked);
  void answer_from_store(const AskedPtr& asked);
  static bool must_be_producer(const JobRecord& record, const JobHead& head,
                               const std::string& token);
  void answer(const Asked& asked, LogPage page) const;
  static bool must_wait(const Asked& asked, const LogPage& page);
  void hold(const AskedPtr& asked, bool may_read);
  bool may_have_grown(const PageRequest& request, bool may_read) const;
  bool may_be_over(const std::string& job_id) const;
  static Polls::Poll poll_of(const std::string& job_id, const std::shared_ptr<const Call>& call,
                             std::chrono::milliseconds wait, Polls::Release release);

  const Store& store_;
  Workers& workers_;
  const EventsUrls events_urls_;
  std::optional<Shared> shared_;
  Tails tails_;
  // Polls that were let go and are to be answered, all by one thread: a commit of many jobs lets
  // many go, and to wake a thread for each would cost more than their answers.
  std::mutex mutex_;
  std::vector<AskedPtr> released_;
  bool answering_ = false;  // somebody does, or is about to
  // The last members, and so the first to go: what they let go uses all the others.
  Polls polls_;
  Polls ends_;  // who waits for a job's end alone: the commits before it are nothing to them
};

}  // namespace domed
