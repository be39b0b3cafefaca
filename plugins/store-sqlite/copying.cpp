#include "copying.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "fd_vfs.h"
#include "schema.h"

namespace domed {
namespace {

using sqlite::Connection;

constexpr int kPagesOfAStep = 64;
constexpr std::uint64_t kPage = 4096;

// The two bytes of a database's header that say whether it has a write-ahead log.
constexpr off_t kFormat = 18;
constexpr std::string_view kWithoutLog = "\1\1";

struct Finish {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};
using Copy = std::unique_ptr<sqlite3_backup, Finish>;

Copy begin(Connection& to, Connection& from) {
  Copy copy(sqlite3_backup_init(to.get(), "main", from.get(), "main"));
  if (!copy) sqlite::fail(to.get(), sqlite3_errcode(to.get()), to.path());
  return copy;
}

// One step; false: it was the last.
bool step(sqlite3_backup* copy, const std::string& file) {
  const int result = sqlite3_backup_step(copy, kPagesOfAStep);
  if (result == SQLITE_DONE) return false;
  // Another program has a lock for the moment.
  if (result == SQLITE_OK || result == SQLITE_BUSY || result == SQLITE_LOCKED) return true;
  sqlite::fail(nullptr, result, file);
}

void tell(sqlite3_backup* copy, Progress& progress) {
  const auto total = static_cast<std::uint64_t>(sqlite3_backup_pagecount(copy));
  const auto left = static_cast<std::uint64_t>(sqlite3_backup_remaining(copy));
  if (!progress.at((total - left) * kPage, total * kPage))
    throw Error(Code::unsupported, "broken off");
}

[[noreturn]] void refuse(Code code, const std::string& why) {
  throw Error(code, "the file to restore " + why + ": nothing was changed; choose another one");
}

// Whether it is such a copy, before SQLite looks at it.
void check_header(int fd) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  char header[100];
  if (::pread(fd, header, sizeof header, 0) != static_cast<ssize_t>(sizeof header) ||
      std::string_view(header, kMagic.size()) != kMagic)
    refuse(Code::unsupported, "is no SQLite database");
  if (std::string_view(header + kFormat, kWithoutLog.size()) != kWithoutLog)
    refuse(Code::unsupported, "is a database in use, or a plain copy of one, and no backup");
}

void check_copy(Connection& copy) {
  if (layout_of(copy) == 0) refuse(Code::unsupported, "is an empty database");
  const std::string marks =
      copy.ask("SELECT count(*) FROM sqlite_schema WHERE name = 'meta' AND type = 'table'");
  if (marks != "1" ||
      copy.ask("SELECT count(*) FROM meta WHERE name = 'incarnation' AND value = ''") != "1")
    refuse(Code::unsupported, "is a database in use, or a plain copy of one, and no backup");
  const std::string found = copy.ask("PRAGMA quick_check(1)");
  if (found != "ok") refuse(Code::corruption, "is damaged (" + found + ')');
}

}  // namespace

void copy_out(Connection& writer, WriterTurns& turns, int fd, Progress& progress) {
  const FdVfs vfs;
  const std::string file = FdVfs::path_of(fd);
  {
    Connection to(file, vfs.name());
    to.run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
    Copy copy;
    for (bool more = true; more;) {
      {
        const auto turn = turns.for_step();
        if (!copy) copy = begin(to, writer);
        more = step(copy.get(), file);
      }
      try {
        tell(copy.get(), progress);
      } catch (...) {
        const auto turn = turns.for_step();
        copy.reset();
        throw;
      }
    }
    const auto turn = turns.for_step();
    copy.reset();
  }
  if (::pwrite(fd, kWithoutLog.data(), kWithoutLog.size(), kFormat) !=
      static_cast<ssize_t>(kWithoutLog.size()))
    throw Error(Code::io, "cannot write to the copy: " + std::string(std::strerror(errno)) +
                              ": look at its file system");
  Connection to(file, vfs.name());
  to.run(
      "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;"
      "UPDATE meta SET value = '' WHERE name = 'incarnation'");
}

void copy_in(Connection& writer, int fd, Progress& progress) {
  check_header(fd);
  const FdVfs vfs;
  Connection from(FdVfs::path_of(fd), vfs.name());
  check_copy(from);
  const Copy copy = begin(writer, from);
  while (step(copy.get(), writer.path())) tell(copy.get(), progress);
  // The last step has committed it: too late to break off.
  const auto total = static_cast<std::uint64_t>(sqlite3_backup_pagecount(copy.get())) * kPage;
  progress.at(total, total);
}

}  // namespace domed
