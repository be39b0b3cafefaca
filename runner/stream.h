#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "runner/encoder.h"
#include "runner/files.h"
#include "search/masks.h"
#include "system/boot_clock.h"

namespace domed {

// How much of the job's output is still wanted; both streams share it.
struct OutputBudget {
  std::uint64_t limit, left = limit;
  bool told = false;  // the job's log says that the limit was reached
};

// One pipe of the job.
class Stream {
 public:
  using Clock = BootClock;
  // How old a partial line may be before it is shown, whether more of it comes (a
  // progress bar that ends no line) or not (a prompt).
  static constexpr std::chrono::milliseconds kPatience{250};
  // How long an end that may begin a secret is held back before that.
  static constexpr std::chrono::milliseconds kHold{50};
  // Of a terminal, where somebody may wait for what is echoed.
  static constexpr std::chrono::milliseconds kTerminalPatience{10};

  // "budget" and "masks" outlive this.  What "masks" name is replaced before anything else is made
  // of it, counts and budget included.
  Stream(const std::string& name, Fd fd, OutputBudget& budget, const Masks& masks,
         bool progress_lines, std::chrono::milliseconds patience = kPatience)
      : name_(name),
        fd_(std::move(fd)),
        masked_(masks),
        encoder_(name, progress_lines),
        budget_(budget),
        patience_(patience) {}

  bool open() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }

  // Reads what is there, up to a fair share; true where nothing more is there
  // now.  At end of file the stream closes itself.
  bool read(std::vector<EncodedEvent>& out);

  // When something waits no longer: a partial line, or what may begin a secret; max() where
  // nothing does.
  Clock::time_point flush_at() const;
  // What is due at "now".
  void flush(Clock::time_point now, std::vector<EncodedEvent>& out);

  // Bytes above the budget, so far.
  std::uint64_t dropped() const { return dropped_; }

  // Ends the stream: the rest of a line and `stream_end`.
  void finish(std::vector<EncodedEvent>& out);

 private:
  void take(std::string_view bytes, std::vector<EncodedEvent>& out);
  void keep(std::string_view masked, std::vector<EncodedEvent>& out);
  void release(std::vector<EncodedEvent>& out);
  Clock::time_point release_at() const;

  std::string name_;
  Fd fd_;
  MaskedStream masked_;
  std::string passed_;  // by it, of one chunk
  LogEncoder encoder_;
  OutputBudget& budget_;
  const std::chrono::milliseconds patience_;
  std::uint64_t bytes_ = 0, dropped_ = 0;
  Clock::time_point pending_since_{}, held_since_{};
  const char* end_ = "drain_limit";  // unless the end was seen
};

}  // namespace domed
