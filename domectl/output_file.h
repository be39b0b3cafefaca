#pragma once

#include <optional>
#include <string>

#include "domectl/sink.h"
#include "system/fd.h"

namespace domed::ctl {

// Where a verb writes what the user gave a name for.
//
// A regular file appears, or is replaced, all at once by commit(), with all bytes on its disk:
// whoever looks finds the old one or the whole new one.  A new file has the mode that the umask
// gives, a replaced one keeps its own, and where it holds secrets either is closed to others; a
// link keeps its place and its target is replaced. Whatever else has the name, a pipe, a terminal,
// a device, stays what it is: its bytes are written into it.  Without commit() nothing of a file is
// left, also where a signal ends the program meanwhile.  One at a time.
class OutputFile {
 public:
  enum class Holds { what_others_may_see, secrets };

  // "-" is standard output.  Throws UsageError where there is nothing to write to.
  explicit OutputFile(const std::string& path, Holds holds = Holds::what_others_may_see);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  Sink& output() { return *output_; }
  void commit();

 private:
  void open_existing();
  void open_beside();
  [[noreturn]] void refuse(const std::string& why) const;
  [[noreturn]] void fail(const std::string& what) const;

  const std::string path_;
  const Holds holds_;
  std::string target_;     // a regular file's own name
  std::string temporary_;  // empty: the bytes go straight to their place
  bool replaces_ = false;
  Fd file_;
  unsigned mode_ = 0, owner_ = 0, group_ = 0;
  unsigned long device_ = 0, inode_ = 0;
  std::optional<Sink> own_;
  Sink* output_;
};

// What is half written goes away.  For any thread, before the program ends, and for a signal's
// handler.
void discard_output() noexcept;

}  // namespace domed::ctl
