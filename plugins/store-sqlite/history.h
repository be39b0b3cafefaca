#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "database_file.h"
#include "domed/host.h"
#include "mark_file.h"
#include "sqlite.h"

namespace domed {

// Of this start of the machine; empty where it cannot be told.
std::string boot_id();

// Knows whether everything acknowledged is still there when a database is opened, and names
// its unbroken history: the incarnation, which the table meta keeps.
//
// SQLite itself takes what it finds: a write-ahead log that is missing, ends early, has a bad
// frame in the middle or is an old one is silently less than was acknowledged.  So a mark
// beside the database (mark_file.h) tells of the log.  A mark is written only once it is
// true, and stays true: "this run of the log has at least so many frames", after every
// commit and without a sync (a loss of power may bring an older one back, which claims less).
// What would make it false is said, and synced, before it is done:
//
//   at open   opening: claims nothing.  Then the commit of a new epoch, then the first claim.
//   emptying  before the log is emptied for good.  (A log that begins anew without that has
//             the next number of its run, and is taken.)
//   at close  nothing.  The last commit says "clean"; the log goes only when it is in the
//             database, so that a log that is gone is right where the database says so.  After
//             that: closed.
//
// Whatever contradicts the mark gives a new incarnation, and so do a missing mark, a copy from
// a backup (it has no incarnation), and, where commits are not synced, an end of the machine
// without a clean close.  A log that is older than the mark, ends before what is in the
// database, or is there although none was left, would overwrite newer pages with older ones:
// it is moved aside.
//
// What cannot be noticed: a copy of all files together, put back in their place together; a
// bad frame in the very last commits of a log where the mark lost claims with the power and at
// most one whole commit stands behind it; a log that is taken away while it is being emptied.
// Another program that opens the database after a crash and closes it again takes the log
// with it, and that is a new incarnation although nothing was lost.
class History {
 public:
  using Log = std::function<void(Level, const std::string&)>;

  // Looks at what is there.  Before SQLite opens the database.
  History(const DatabaseFile& file, std::string boot, Log log);
  History(const History&) = delete;
  History& operator=(const History&) = delete;
  // After SQLite closed it.
  ~History();

  // Before the layout is made or changed, which gives the database its table meta.
  void begin();
  // Before the first commit but that of the layout, which "writer" has to sync; "synced"
  // says whether later ones will be.  Tells what was found.
  void open(sqlite::Connection& writer, bool synced);
  const std::string& incarnation() const { return incarnation_; }

  // The log of "writer" has "frames" now.
  void committed(sqlite3* writer, int frames) noexcept;
  // "frames" of the log are in the database.  Where that is all, it may begin anew with any
  // commit.
  void checkpointed(int frames) noexcept;
  // Around a checkpoint that empties the log.  false: it could not be said.
  bool before_emptying() noexcept;
  void after_emptying(bool emptied) noexcept;

  // The last commit, which has to be synced.
  void close(sqlite::Connection& writer);

 private:
  // What the database says of itself.
  struct Meta {
    std::string incarnation, boot;
    std::uint64_t epoch = 0;
    bool clean = false, synced = true;
  };

  void look();
  void move_log_away();
  std::string loss(const Meta& meta) const;
  void renew(const std::string& why);
  static Meta read(sqlite::Connection& writer);
  static void write(sqlite::Connection& writer, const Meta& meta);

  const std::string path_, log_path_;
  const bool created_;
  const std::string boot_;
  const Log log_;
  MarkFile file_;
  const std::optional<Mark> left_;  // as the last one left it
  std::string found_;               // what is wrong with the log
  bool log_missing_ = false;        // which is right after a clean close
  bool begun_ = false;
  Mark mark_;
  bool may_begin_anew_ = true;
  std::string incarnation_;
  Meta meta_;
  bool closed_ = false;
};

}  // namespace domed
