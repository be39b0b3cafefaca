#include "domectl/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include "domectl/context.h"
#include "domed/support/hash.h"

namespace domed::ctl {
namespace {

// The descriptor of our own that "path" names (/dev/stdout, /dev/fd/3), however it is
// spelled; -1: none.  Opening such a name anew would lose the place that others write at.
int named_descriptor(const std::string& path) {
  std::error_code error;
  std::filesystem::path at = path;
  // Link by link and not by realpath(): that would go through the descriptor to the file behind it.
  for (int links = 0; links < 8; ++links) {
    const std::filesystem::path parent = std::filesystem::canonical(at.parent_path(), error);
    const std::string folder = "/proc/" + std::to_string(getpid()) + "/fd";
    const std::string name = at.filename().string();
    if (!error && parent == folder)
      return name.find_first_not_of("0123456789") == std::string::npos ? std::atoi(name.c_str())
                                                                       : -1;
    const auto target = std::filesystem::read_symlink(at, error);
    if (error) return -1;
    at = target.is_absolute() ? target : at.parent_path() / target;
  }
  return -1;
}

// The name of what is half written, where discard_output() finds it; "": there is none.
char half_written[PATH_MAX];

// Those that can be met and do not end a program by themselves, and those that a fault of the
// program's own raises, which is not to be met by more of the same program.
constexpr int kOthers[] = {SIGKILL,  SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGCHLD, SIGURG,
                           SIGWINCH, SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,  SIGABRT, SIGTRAP, SIGSYS};

// Calls "meet" with each signal that ends a program; what is ignored, or waited for (Interrupt),
// stays so.
template <class Meet>
void each_ending(Meet meet) {
  for (int signal = 1; signal <= SIGRTMAX; ++signal)
    if (std::find(std::begin(kOthers), std::end(kOthers), signal) == std::end(kOthers))
      meet(signal);
}

void end_by(int signal) {
  discard_output();
  raise(signal);  // which has its own way again, by SA_RESETHAND
}

void discard_on_signals(const std::string& name) {
  name.copy(half_written, sizeof half_written - 1);
  each_ending([](int signal) {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) return;
    action.sa_handler = end_by;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    sigaction(signal, &action, nullptr);
  });
}

void forget_half_written() {
  half_written[0] = '\0';
  each_ending([](int signal) {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler == end_by)
      std::signal(signal, SIG_DFL);
  });
}

// To disk, so that after a crash the name does not show an empty file.
void sync_directory(const std::string& file) {
  const Fd directory(
      open(std::filesystem::path(file).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory) fsync(directory.get());
}

}  // namespace

OutputFile::OutputFile(const std::string& path, Holds holds)
    : path_(path), holds_(holds), output_(&out()) {
  if (path == "-") return;
  if (const int own = named_descriptor(path); own >= 0) {
    // The same open file, so that what others write to it stays before and behind ours.
    file_ = Fd(fcntl(own, F_DUPFD_CLOEXEC, 3));
    if (!file_) refuse(std::strerror(errno));
  } else {
    struct stat info;
    if (stat(path.c_str(), &info) == 0)
      open_existing();
    else if (errno != ENOENT)
      refuse(std::strerror(errno));
    else if (lstat(path.c_str(), &info) == 0)
      // Whose target would have to be made: where a link leads is for its owner to mend.
      refuse("it is a link to what does not exist");
    else
      target_ = std::filesystem::absolute(path).string();
    if (!target_.empty()) open_beside();
  }
  own_.emplace(file_.get(), path_);
  output_ = &*own_;
}

// Looked at only once it is open, as what bears the name may change: a regular file is then
// replaced by its real name, everything else is written into.
void OutputFile::open_existing() {
  struct stat info;
  if (stat(path_.c_str(), &info) == 0 && S_ISBLK(info.st_mode))
    refuse("it is a block device, which would be overwritten");
  file_ = Fd(open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (!file_ || fstat(file_.get(), &info) != 0) refuse(std::strerror(errno));
  if (S_ISBLK(info.st_mode)) refuse("it is a block device, which would be overwritten");
  if (!S_ISREG(info.st_mode)) return;
  // Closed to others it would still be open to its owner.
  if (holds_ == Holds::secrets && info.st_uid != geteuid())
    refuse("it belongs to another user (uid " + std::to_string(info.st_uid) +
           "), who could read it");
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path_.c_str(), nullptr),
                                                         &std::free);
  if (!real) refuse(std::strerror(errno));
  target_ = real.get();
  replaces_ = true;
  mode_ = info.st_mode & (holds_ == Holds::secrets ? 0700 : 07777), owner_ = info.st_uid,
  group_ = info.st_gid;
  device_ = info.st_dev, inode_ = info.st_ino;
}

void OutputFile::open_beside() {
  temporary_ =
      (std::filesystem::path(target_).parent_path() / (".domectl-" + random_hex(8) + ".part"))
          .string();
  discard_on_signals(temporary_);  // before there is anything: a signal may come at any time
  file_ = Fd(open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                  // Closed to others until it has the replaced file's owner and mode: its bytes are
                  // there already.
                  replaces_ || holds_ == Holds::secrets ? 0600 : 0666));
  if (!file_) {
    const std::string why = std::strerror(errno);
    forget_half_written();
    temporary_.clear();
    refuse("no file can be made in its directory: " + why);
  }
  if (!replaces_) return;
  // A group that cannot be kept is not given the rights of the one that was.
  const bool kept = fchown(file_.get(), owner_, group_) == 0;
  if (fchmod(file_.get(), kept ? mode_ : mode_ & 0707) != 0) fail(std::strerror(errno));
}

void OutputFile::commit() {
  output_->flush();
  if (temporary_.empty()) return;
  // Before the rename: the name must not lead to bytes that a crash can still take away.
  if (fsync(file_.get()) != 0) fail(std::strerror(errno));
  struct stat now;
  // Looked at again just before: an hour may have passed.  The moment between this and the rename
  // stays open for a replaced file; for a new one RENAME_NOREPLACE closes it.
  const bool there = lstat(target_.c_str(), &now) == 0;
  if (there != replaces_ || (there && (now.st_dev != device_ || now.st_ino != inode_)))
    fail("another file took its place meanwhile, which is left as it is");
  const unsigned flags = replaces_ ? 0 : RENAME_NOREPLACE;
  if (renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), flags) != 0 &&
      (errno != EINVAL || std::rename(temporary_.c_str(), target_.c_str()) != 0))
    fail(std::strerror(errno));
  temporary_.clear();
  forget_half_written();
  sync_directory(target_);
}

OutputFile::~OutputFile() {
  if (temporary_.empty()) return;
  discard_output();
  forget_half_written();
}

void discard_output() noexcept {
  if (half_written[0]) unlink(half_written);
}

void OutputFile::refuse(const std::string& why) const {
  throw UsageError("cannot write to " + path_ + ": " + why + "; name another file");
}

void OutputFile::fail(const std::string& what) const {
  throw Error(Code::io, "cannot write " + path_ + ": " + what);
}

}  // namespace domed::ctl
