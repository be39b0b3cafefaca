#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "domed/store.h"
#include "server.h"

namespace domed::postgres {

// The lists that a job of these columns stands in (schema.h).
std::vector<std::string> lists_of(const JobColumns& columns, bool tombstone);

// Commits batches: one transaction each, all of it sent before the first answer is awaited, a
// statement an entry.
//
// What becomes of a commit whose connection is lost is not known as long as the server's session
// may still be at it.  Each session holds an advisory lock on a number of its own for as long as
// it lives; whoever gets that lock knows that the session is over, and with it the commit.  Until
// then settle() throws, and nothing of this object is read.
class JobWriter {
 public:
  explicit JobWriter(Server& server) : server_(server) {}

  // As Store::commit(), of a batch that was checked.  By one thread.
  std::vector<Outcome> commit(std::span<const Entry> entries);
  // Returns when nothing is unknown.  Throws Error(io) otherwise.  Any thread.
  void settle();

 private:
  void settle(Deadline deadline);
  void connect(Deadline deadline);
  std::vector<Outcome> try_commit(const std::vector<const Entry*>& entries, Deadline deadline);
  void send(const std::vector<const Entry*>& entries, Deadline deadline);
  void send_creation(const Entry& entry);
  void send_append(const Entry& entry);
  void send_change(const Entry& entry);
  std::vector<Outcome> take(const std::vector<const Entry*>& entries, Deadline deadline);
  bool knows(const Entry& entry) const;
  void remember(const Entry& entry);

  Server& server_;
  std::mutex mutex_;
  std::unique_ptr<Connection> connection_;
  std::int64_t session_ = 0;             // the number that it holds
  std::atomic<bool> is_unknown_{false};  // "session_" is that of the commit
  // The lists of jobs at the revision that was written here last.  A revision is that of one
  // state of a job for ever, so that an entry that names it and changes no columns need not
  // look at the lists.
  struct Known {
    std::string revision;
    JobColumns columns;
  };
  std::unordered_map<std::string, Known> known_;
};

}  // namespace domed::postgres
