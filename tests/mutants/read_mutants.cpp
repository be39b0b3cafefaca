#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include "good.h"

namespace mutants {
namespace {

struct FirstSeqZero final : Good {
  using Good::Good;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override {
    auto slice = inner_->read(id, from, max_events, max_bytes, direction);
    if (slice) --slice->job.first_seq;
    return slice;
  }
};

struct PageOffByOne final : Good {
  using Good::Good;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override {
    return inner_->read(id, from, max_events == SIZE_MAX ? SIZE_MAX : max_events + 1, max_bytes,
                        direction);
  }
};

struct BytesOffByOne final : Good {
  using Good::Good;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override {
    return inner_->read(id, from, max_events, max_bytes == SIZE_MAX ? SIZE_MAX : max_bytes + 1,
                        direction);
  }
};

struct LargeEventNeverFits final : Good {
  using Good::Good;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override {
    auto slice = inner_->read(id, from, max_events, max_bytes, direction);
    if (slice && slice->events.size() > max_bytes) slice->events.clear(), slice->ends.clear();
    return slice;
  }
};

// All reads use one buffer, and nobody waits for anybody.
struct MissingLock final : Good {
  using Good::Good;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override {
    auto slice = inner_->read(id, from, max_events, max_bytes, direction);
    exchange(slice, true);
    std::this_thread::yield();
    exchange(slice, false);
    return slice;
  }

 private:
  // What is wrong is wrong without undefined behaviour, so that a sanitizer sees none.
  void exchange(std::optional<Slice>& slice, bool in) const {
    const std::lock_guard lock(mutex_);
    if (in)
      buffer_ = slice;
    else
      slice = buffer_;
  }
  mutable std::mutex mutex_;
  mutable std::optional<Slice> buffer_;
};

struct ReadersWait final : Good {
  using Good::Good;
  Outcomes commit(std::span<const Entry> entries) override {
    const std::lock_guard lock(mutex_);
    return inner_->commit(entries);
  }
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override {
    const std::lock_guard lock(mutex_);
    return inner_->read(id, from, max_events, max_bytes, direction);
  }
  mutable std::mutex mutex_;
};

struct StaleRead final : Good {
  using Good::Good;
  std::optional<JobRecord> find(std::string_view id) const override {
    const std::lock_guard lock(mutex_);
    auto& cached = cache_[std::string(id)];
    if (!cached) cached = inner_->find(id);
    return cached;
  }
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::optional<JobRecord>> cache_;
};

struct BytesChanged final : Good {
  using Good::Good;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override {
    auto slice = inner_->read(id, from, max_events, max_bytes, direction);
    if (slice) std::replace(slice->events.begin(), slice->events.end(), '\r', ' ');
    return slice;
  }
};

struct IdsAreText final : Good {
  using Good::Good;
  std::optional<JobRecord> find(std::string_view id) const override {
    auto job = inner_->find(id.substr(0, id.find('\0')));
    return job ? job : inner_->find(id);
  }
};

using Lines = std::vector<std::string>;  // with their LF

Lines lines_of(const Slice& slice) {
  Lines lines;
  std::size_t begin = 0;
  for (const std::uint32_t end : slice.ends) {
    lines.push_back(slice.events.substr(begin, end - begin));
    begin = end;
  }
  return lines;
}

// Reads forward as it should; a mutant has its own way backward.
class Backward : public Good {
 public:
  using Good::Good;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override {
    if (direction == Direction::forward)
      return inner_->read(id, from, max_events, max_bytes, direction);
    return back(id, from, max_events, max_bytes);
  }
  virtual std::optional<Slice> back(std::string_view id, std::uint64_t from, std::size_t max_events,
                                    std::size_t max_bytes) const = 0;
};

struct BackwardIsDescending final : Backward {
  using Backward::Backward;
  std::optional<Slice> back(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override {
    auto slice = inner_->read(id, from, max_events, max_bytes, Direction::backward);
    if (!slice) return slice;
    Lines lines = lines_of(*slice);
    std::reverse(lines.begin(), lines.end());
    slice->events.clear(), slice->ends.clear();
    for (const std::string& line : lines) {
      slice->events += line;
      slice->ends.push_back(static_cast<std::uint32_t>(slice->events.size()));
    }
    return slice;
  }
};

struct BackwardIncludesFrom final : Backward {
  using Backward::Backward;
  std::optional<Slice> back(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override {
    return inner_->read(id, from == UINT64_MAX ? from : from + 1, max_events, max_bytes,
                        Direction::backward);
  }
};

// The first lines of what is below "from", not the last ones.
struct BackwardFromTheFirst final : Backward {
  using Backward::Backward;
  std::optional<Slice> back(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override {
    const JobRecord job = record_of(id);
    const std::uint64_t end = std::min(from, job.head_seq + 1);
    if (end <= job.first_seq) return inner_->read(id, from, 1, 1, Direction::backward);
    const std::size_t most = std::min<std::size_t>(max_events, end - job.first_seq);
    return inner_->read(id, job.first_seq, most, max_bytes, Direction::forward);
  }
};

// Seqs above the head are no place to read from.
struct BackwardBeyondTheHead final : Backward {
  using Backward::Backward;
  std::optional<Slice> back(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override {
    auto slice = inner_->read(id, from, max_events, max_bytes, Direction::backward);
    if (slice && from > slice->job.head_seq + 1) slice->events.clear(), slice->ends.clear();
    return slice;
  }
};

}  // namespace

Mutants mutants_in_reads() {
  return {
      {"first-seq-zero", around<FirstSeqZero>},
      {"page-off-by-one", around<PageOffByOne>},
      {"bytes-off-by-one", around<BytesOffByOne>},
      {"large-event-never-fits", around<LargeEventNeverFits>},
      {"missing-lock", around<MissingLock>},
      {"readers-wait", around<ReadersWait>},
      {"stale-read", around<StaleRead>},
      {"bytes-changed", around<BytesChanged>},
      {"ids-are-text", around<IdsAreText>},
      {"backward-is-descending", around<BackwardIsDescending>},
      {"backward-includes-from", around<BackwardIncludesFrom>},
      {"backward-from-the-first", around<BackwardFromTheFirst>},
      {"backward-beyond-the-head", around<BackwardBeyondTheHead>},
  };
}

}  // namespace mutants
