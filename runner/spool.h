#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "domed/support/hash.h"
#include "runner/files.h"

namespace domed {

// Batches on their way to the daemon, on disk, so that what a job said outlives
// its runner.  The file holds one batch a line, with its LF:
//
//   {"job_id":..,"producer_id":..,"batch":N,"events":[..]}
//
// That is the params of AppendJobEvents but for the token, which no file may have (jobs can
// read it here).  Numbers ascend by one and lines are never changed, so that the bytes of a
// batch are frozen before they are first sent (IdempotentAppend); the first line of a file that
// was shortened may have any number.  A last line without LF is torn: it was never sent, and
// nobody waits for it.  The last whole line of a job that ended is its terminal event, the exit
// record.
//
// The daemon imports the file of a dead runner by sending each line as the runner would have
// (Restart): what it has already it knows by the number, so that nothing has to be noted of how
// far the runner came.
//
// No sync: the spool survives the death of processes, and what it holds was
// promised to nobody (Durable begins with an acknowledgement).  A loss of power may leave any
// part of it; imported is what comes before the first byte that is missing.  Jobs can write to it,
// as to all files of their user: what is sent from here is compared with the digest of what was
// appended, and a file that was changed ends the delivery instead of speaking with our token.
//
// Rejected: a binary format with lengths (importing would need a second parser, and people could
// not read what a lost job said last); a separate file of positions (two files can contradict
// each other after a kill); sending from memory while the daemon answers, and the file only when
// it does not (what was read from the pipe and not yet sent would die with the runner); one file
// for each batch (thousands of them, and no order but by name).
//
// Thread-safe: one thread appends, others send and acknowledge.
class Spool {
 public:
  struct Record {
    std::uint64_t batch;
    std::string line;  // without the LF
  };

  // Acknowledged lines are removed once there are more bytes of them than this;
  // the last line stays, because it says which batch numbers are used.
  static constexpr std::size_t kShrinkAbove = 1 << 20;

  // Creates "path", which must not exist; throws Error(io).
  explicit Spool(std::string path);

  // False where the disk refuses; the file is then as before.
  bool append(std::uint64_t batch, std::string_view line);

  // The next batch that was not handed out yet.  Throws Error where the file does not hold what
  // was appended.
  std::optional<Record> next();

  // Hands out again what has not been answered: it goes to somebody else.
  void rewind();

  // Everything up to "batch" has been answered.
  void acknowledge(std::uint64_t batch);

  std::size_t unacknowledged() const;        // batches
  std::size_t unacknowledged_bytes() const;  // of the file
  std::size_t file_size() const;

 private:
  struct Entry {
    std::uint64_t batch;
    std::size_t offset, length;
    Digest digest;  // jobs can write to the file, and what is sent bears our token
  };

  std::string read(const Entry& entry) const;
  void shrink();

  const std::string path_;
  mutable std::mutex mutex_;
  Fd fd_;
  std::size_t size_ = 0;
  std::deque<Entry> entries_;     // unacknowledged, and always the last one
  std::size_t acknowledged_ = 0;  // how many of entries_ (0 or 1) are acknowledged
  std::uint64_t handed_out_ = 0;  // batch number
};

// The complete lines of a spool, in order.
void for_each_line(std::string_view spool, const std::function<void(std::string_view)>& take);

}  // namespace domed
