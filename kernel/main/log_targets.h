#pragma once

#include <spdlog/sinks/base_sink.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>

#include "base/json.h"
#include "system/fd.h"

namespace domed {

// Loggers whose lines are objects: a word before them, or as JSON the key that they stand under.
constexpr const char *kAudit = "audit", *kJob = "job";
bool is_of_objects(spdlog::string_view_t logger);

// "text" for a log of lines: what would begin another line, or steer a terminal, is made visible.
// A line feed goes on in the next line behind four blanks, as no line of ours begins.
std::string as_one_entry(std::string_view text);

// Lines in a file: appended to, also by the daemon that comes next.  One that would grow beyond
// "max_size" bytes becomes FILE.1, the one before FILE.2, and so on up to "keep".  A line that
// cannot be written is counted, and told of when one can be again.
class LogFile final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Throws Error(io) where "path" is no file that can be written, or a link.
  LogFile(std::filesystem::path path, std::uint64_t max_size, std::int64_t keep);

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}
  void open();
  void begin_another();
  bool write(std::string_view line);

  const std::filesystem::path path_;
  const std::uint64_t max_size_;
  const std::int64_t keep_;
  Fd file_;
  std::uint64_t size_ = 0, lost_ = 0;
};

// Entries of systemd's journal, by its own protocol: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, and for
// lines that are objects each of their values as DOMED_KEY (DOMED_JOB_ID, DOMED_STATE), to be
// searched by.  Never waits: what the journal does not take is counted and told of later.
class Journald final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  static constexpr const char* kSocket = "/run/systemd/journal/socket";

  // Throws Error(io) where nobody listens at "socket".
  explicit Journald(const std::string& socket = kSocket);

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}
  bool send(const std::string& entry);
  bool connect();

  const std::string path_;
  Fd socket_;
  std::uint64_t lost_ = 0;
};

// One entry in the journal's protocol: each field's name, and its bytes with their length where
// they have line feeds.
std::string journal_entry(int priority, std::string_view logger, std::string_view payload);

}  // namespace domed
