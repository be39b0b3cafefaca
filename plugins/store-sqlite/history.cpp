#include "history.h"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "domed/error.h"

namespace domed {
namespace {

using sqlite::Connection;
using sqlite::Text;
using sqlite::Transaction;

std::string new_incarnation() {
  unsigned char bytes[16];
  sqlite3_randomness(sizeof bytes, bytes);
  std::string name = "sqlite-";
  for (const unsigned char byte : bytes)
    for (const int digit : {byte >> 4, byte & 15}) name += "0123456789abcdef"[digit];
  return name;
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// What is no number, because it was hit, is 0, which contradicts the mark.
std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

// The run that SQLite's own file of the log says; none where it cannot be read.
std::optional<WalRun> run_of(sqlite3* writer) noexcept {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(writer, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
  unsigned char salts[8];
  if (file == nullptr || file->pMethods == nullptr ||
      file->pMethods->xRead(file, salts, sizeof salts, 16) != SQLITE_OK)
    return std::nullopt;
  const auto big = [&](int i) {
    return std::uint32_t{salts[i]} << 24 | std::uint32_t{salts[i + 1]} << 16 |
           std::uint32_t{salts[i + 2]} << 8 | salts[i + 3];
  };
  return WalRun{big(0), big(4)};
}

}  // namespace

std::string boot_id() {
  std::string id;
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::getline(file, id);
  return id;
}

History::History(const DatabaseFile& file, std::string boot, Log log)
    : path_(file.path()),
      log_path_(path_ + "-wal"),
      created_(file.created()),
      boot_(std::move(boot)),
      log_(std::move(log)),
      file_(path_ + "-mark"),
      left_(created_ ? std::nullopt : file_.read()) {
  if (left_) look();
}

History::~History() {
  if (!closed_ || exists(log_path_)) return;
  mark_.closed = true;
  file_.write(mark_, true);
}

void History::look() {
  mark_ = *left_;
  if (left_->opening) return;
  const WalImage wal = look_at_wal(log_path_);
  if (!wal.begun) {
    log_missing_ = !left_->closed && left_->frames != 0 && !left_->emptying;
    return;
  }
  const bool same = wal.run == left_->run;
  const std::string frames = std::to_string(wal.frames);
  if (left_->closed) {
    // The log that was left last may be there again: with the power its removal may be lost.
    if (same && wal.frames >= left_->frames) return;
    found_ = "it is there, although none was left";
  } else if (!same && !wal.run.is_after(left_->run)) {
    found_ = "it is not of the run that was left, but older or another one";
  } else if (same && wal.frames < left_->frames) {
    found_ = "it ends, or has a bad frame, behind frame " + frames + "; what was left had " +
             std::to_string(left_->frames) + " frames";
    if (wal.frames >= left_->checkpointed) return;
  } else if (wal.commits_behind > 1) {
    found_ = "it has a bad frame behind frame " + frames + ", and " +
             std::to_string(wal.commits_behind) + " whole commits behind that";
    return;
  }
  if (!found_.empty()) move_log_away();
}

// SQLite would write its pages over newer ones.  What was found is kept before the log goes,
// or nobody would know of it who begins here again.
void History::move_log_away() {
  mark_.opening = mark_.renew = true;
  if (!file_.write(mark_, true))
    throw Error(Code::io, "cannot write " + file_.path() + ": look at the file system");
  std::string aside = log_path_ + ".aside";
  for (int i = 2; exists(aside); ++i) aside = log_path_ + ".aside-" + std::to_string(i);
  std::filesystem::rename(log_path_, aside);
  found_ += "; it was moved to " + aside;
}

void History::begin() {
  begun_ = true;
  mark_ = {.opening = true};
  if (!file_.write(mark_, true))
    throw Error(Code::io, "cannot write " + file_.path() + ": look at the file system");
}

std::string History::loss(const Meta& meta) const {
  if (begun_ || meta.incarnation.empty()) return {};
  const std::string log = log_path_ + " is not the log that was left: ";
  if (!found_.empty()) return log + found_;
  if (!left_) return file_.path() + " is missing or damaged, which tells of the log that was left";
  const bool same =
      meta.epoch == left_->epoch || (left_->opening && meta.epoch == left_->epoch + 1);
  // After a clean close it is right that there is none.
  if (log_missing_ && !(same && meta.clean)) return log + "it is missing or empty";
  if (!same) return path_ + " is not the database that was left, but an older or another copy";
  if (left_->closed && !meta.clean) return path_ + " is not the database that was left";
  if (!meta.clean && !meta.synced && (meta.boot.empty() || meta.boot != boot_))
    return "the machine ended while " + path_ + " was used without waiting for the disk";
  // Where the next epoch has begun, it began with a new one.
  if (left_->renew && meta.epoch == left_->epoch)
    return path_ + " was found with acknowledged commits missing, or restored";
  return {};
}

void History::open(Connection& writer, bool synced) {
  meta_ = read(writer);
  const std::string why = loss(meta_);
  const bool fresh = meta_.incarnation.empty();
  mark_ = {.epoch = meta_.epoch, .opening = true, .renew = !why.empty()};
  if (!file_.write(mark_, true))
    throw Error(Code::io, "cannot write " + file_.path() + ": look at the file system");
  const std::string old = meta_.incarnation;
  if (fresh || !why.empty()) meta_.incarnation = new_incarnation();
  meta_ = {.incarnation = meta_.incarnation,
           .boot = boot_,
           .epoch = meta_.epoch + 1,
           .clean = false,
           .synced = synced};
  // From its commit on the claims are those of the new epoch.
  mark_ = {.epoch = meta_.epoch};
  may_begin_anew_ = true;
  write(writer, meta_);
  file_.write(mark_, true);
  incarnation_ = meta_.incarnation;
  if (!why.empty())
    log_(Level::error, why +
                           ": acknowledged events may be lost; unfinished jobs go on under new "
                           "log ids (incarnation " +
                           old + " is followed by " + incarnation_ + ")");
}

void History::close(Connection& writer) {
  meta_.clean = true;
  write(writer, meta_);
  closed_ = true;
}

History::Meta History::read(Connection& writer) {
  const auto ask = [&](const std::string& name) {
    return writer.ask("SELECT value FROM meta WHERE name = '" + name + '\'');
  };
  return {.incarnation = ask("incarnation"),
          .boot = ask("boot"),
          .epoch = number(ask("epoch")),
          .clean = ask("clean") == "yes",
          .synced = ask("synced") != "no"};
}

void History::write(Connection& writer, const Meta& meta) {
  Transaction transaction(writer, Transaction::Kind::write);
  const auto put = [&](std::string_view name, std::string_view value) {
    writer.query("INSERT OR REPLACE INTO meta(name, value) VALUES(?, ?)", Text{name}, Text{value})
        .run();
  };
  put("incarnation", meta.incarnation);
  put("boot", meta.boot);
  put("epoch", std::to_string(meta.epoch));
  put("clean", meta.clean ? "yes" : "no");
  put("synced", meta.synced ? "yes" : "no");
  transaction.commit();
}

// An older mark is true as well, so that nothing is lost where it cannot be written.
void History::committed(sqlite3* writer, int frames) noexcept {
  if (may_begin_anew_) {
    const std::optional<WalRun> run = run_of(writer);
    if (!run) return;
    may_begin_anew_ = *run == mark_.run;
    if (!may_begin_anew_) mark_.checkpointed = 0;
    mark_.run = *run;
  }
  mark_.frames = static_cast<std::uint32_t>(frames);
  mark_.emptying = false;
  file_.write(mark_, false);
}

void History::checkpointed(int frames) noexcept {
  may_begin_anew_ = true;
  mark_.checkpointed = static_cast<std::uint32_t>(frames);
  file_.write(mark_, false);
}

bool History::before_emptying() noexcept {
  mark_.emptying = true;
  return file_.write(mark_, true);
}

void History::after_emptying(bool emptied) noexcept {
  mark_.emptying = false;
  if (emptied) mark_.frames = mark_.checkpointed = 0;
  may_begin_anew_ = true;
  file_.write(mark_, false);
}

}  // namespace domed
