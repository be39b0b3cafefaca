#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "runner/encoder.h"
#include "runner/files.h"
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
  // Of a terminal, where somebody may wait for what is echoed.
  static constexpr std::chrono::milliseconds kTerminalPatience{10};

  // "budget" outlives this.
  Stream(const std::string& name, Fd fd, OutputBudget& budget,
         std::chrono::milliseconds patience = kPatience)
      : name_(name), fd_(std::move(fd)), encoder_(name), budget_(budget), patience_(patience) {}

  bool open() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }

  // Reads what is there, up to a fair share; true where nothing more is there
  // now.  At end of file the stream closes itself.
  bool read(std::vector<EncodedEvent>& out);

  // When a partial line is to be flushed; max() where there is none.
  Clock::time_point flush_at() const;
  void flush(std::vector<EncodedEvent>& out) { encoder_.flush(false, out); }

  // Bytes above the budget, so far.
  std::uint64_t dropped() const { return dropped_; }

  // Ends the stream: the rest of a line and `stream_end`.
  void finish(std::vector<EncodedEvent>& out);

 private:
  void take(std::string_view bytes, std::vector<EncodedEvent>& out);

  std::string name_;
  Fd fd_;
  LogEncoder encoder_;
  OutputBudget& budget_;
  const std::chrono::milliseconds patience_;
  std::uint64_t bytes_ = 0, dropped_ = 0;
  Clock::time_point pending_since_{};
  const char* end_ = "drain_limit";  // unless the end was seen
};

}  // namespace domed
