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
// its runner.  The file holds one batch a line, the params of AppendJobEvents but for
// the token, which no file may have, with their LF:
//   {"job_id":..,"producer_id":..,"batch":N,"events":[..]}
// Lines have ascending numbers and are never changed.  A last line without LF
// is torn, and was never sent.  The daemon replays the file of a dead runner;
// the batch number makes that harmless for what it had already.
// No sync: the spool survives the death of processes, and what it holds was
// promised to nobody.
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
