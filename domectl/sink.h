#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

namespace domed::ctl {

// Nobody reads the output any more.  No mistake of anybody's: the program ends without a word.
class ReaderGone : public std::exception {
 public:
  const char* what() const noexcept override { return "nobody reads the output any more"; }
};

// Bytes on their way to a descriptor, with the knowledge of how many arrived.
//
// One thread writes; written() may be asked by any.
class Sink {
 public:
  // The descriptor stays the caller's.  "name" is for messages.
  explicit Sink(int fd, std::string name = "the output");
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  // Both throw Error(io) where the bytes cannot be written, and ReaderGone.
  void put(std::string_view bytes);  // they may wait for flush()
  void flush();
  // Flushes, and closes the descriptor: some file systems only then tell that a disk is full.
  void finish();

  int fd() const { return fd_; }
  // How many bytes were put, and how many of them the system took.
  std::uint64_t taken() const { return taken_; }
  std::uint64_t written() const { return written_; }

 private:
  [[noreturn]] void fail(int error);

  const int fd_;
  const std::string name_;
  const bool whole_;  // a write of so many bytes happens as a whole, or waits and has done nothing
  std::string waiting_;
  std::uint64_t taken_ = 0;
  std::atomic<std::uint64_t> written_{0};
};

// Standard output; verbs write to nothing else.
Sink& out();
// Standard error, for what a job wrote to its own: note() is for domectl's words.
Sink& err();
// Standard output.
void put(std::string_view bytes);
// A line of JSON, without its LF, and with JSON's escapes for what would steer a terminal or end a
// line for some readers: the same JSON, for whoever looks at it however far behind a pipe.
void put_json(Sink& sink, std::string_view json);
// A line of a log or of an export, of which the bytes count: exactly these, but on a terminal.
void put_event_line(Sink& sink, std::string_view line);

// Puts something that can be neither read nor written where standard input, output or
// error are closed: the next file that is opened would take their place, and their bytes.
void fill_standard_descriptors();

}  // namespace domed::ctl
