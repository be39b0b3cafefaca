#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/journal.h"

namespace domed {

// What a client asks of a log.
struct PageRequest {
  std::string job_id;
  std::string log_id;  // empty: whichever it has
  std::uint64_t since_seq = 0;
  std::size_t max_events = 0, max_bytes = 0;
  // The page ends before this event, and since_seq says nothing; only the store has such pages.
  std::optional<std::uint64_t> before_seq = {};
  std::string token = {};  // of the job's producer, who polls; the store alone knows whether it is
};

// Whole lines of a log, as many as a request allows, and how far the log goes.
struct LogPage {
  std::string log_id;
  State state = State::queued;
  std::uint64_t first_seq = 0, head_seq = 0;  // of the log
  std::uint64_t from = 0;                     // seq of the first line
  std::string lines;                          // each with its LF
  std::vector<std::uint32_t> ends;            // behind each line's LF
  bool is_run = false;  // asked for by its runner, who is told for how long it may go on
};

// The newest lines of the jobs that changed last, so that their followers need no
// store.  Only durable changes get here: in the order of the journal, each before it
// is published or acknowledged.
//
// Thread-safe.
class Tails {
 public:
  // Holds about "most" bytes, of one job about "most_of_job".
  explicit Tails(std::size_t most = 8u << 20, std::size_t most_of_job = 256u << 10)
      : most_(most), most_of_job_(most_of_job) {}

  struct Found {
    LogPage page;
    bool committing = false;  // the store may be further by now
  };
  // What the store would have answered when the last commit of the job was over.
  // nullopt: it is not in memory, or is to be refused; the store knows.
  std::optional<Found> read(const PageRequest& request) const;

  // From the journal: a commit that changes the job begins, is durable, or leaves
  // it unknown what the job is now.
  void committing(const std::string& job_id);
  void committed(const Commit& commit);
  void forget(const std::string& job_id);

 private:
  struct Piece {
    std::uint64_t first = 0;
    std::shared_ptr<const std::string> lines;
  };
  struct Tail {
    std::string log_id;
    State state = State::queued;
    std::uint64_t first_seq = 0, head_seq = 0;
    bool committing = false;
    std::deque<Piece> pieces;  // without a hole, up to the head
    std::size_t bytes = 0;
    std::list<std::string>::iterator age;
  };
  using Map = std::unordered_map<std::string, Tail>;

  void drop_oldest_piece(Tail& tail);
  void erase(Map::iterator it);

  const std::size_t most_, most_of_job_;
  // Guards what follows. Held to find or to change something, and not while lines are copied:
  // pieces are shared and never change.
  mutable std::mutex mutex_;
  Map tails_;
  std::list<std::string> ages_;  // the job that changed last comes first
  std::size_t bytes_ = 0;
};

}  // namespace domed
