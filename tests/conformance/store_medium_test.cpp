#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>

#include "child.h"
#include "store_fixture.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBallast = 4 << 20;

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

// Mounts a small file system of this process's own on "directory"; false: this
// machine does not let us.
bool mount_small(const fs::path& directory) {
  const uid_t user = ::getuid();
  const gid_t group = ::getgid();
  if (::unshare(CLONE_NEWNS) != 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + std::to_string(user) + " 1");
    write_file("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
  }
  return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("none", directory.c_str(), "tmpfs", 0, "size=8m") == 0;
}

// The second best: no file may grow, which is an I/O error to many programs.
void limit_files(rlim_t bytes) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

// A disk that gets full under a store, and has room again.  Runs in a child.
class FullDisk {
 public:
  explicit FullDisk(const fs::path& directory)
      : directory_(directory), real_(mount_small(directory)) {
    std::ofstream(directory_ / "ballast") << std::string(kBallast, 'x');
    store_ = make_store(directory_);
    if (real_) return;
    // Said, for then a store passes that tells a full disk in another way.
    std::printf("not seen: no file system could be mounted, files are limited instead\n");
    std::fflush(stdout);
    limit_files(2 << 20);
  }

  // How the store behaved; empty: well.
  std::string play() {
    const auto first = fill();
    if (!first) return "not full after 64 MiB";
    if (!is_right(*first)) return "must throw exhausted, threw " + text_of(*first);
    if (const std::string wrong = look(); !wrong.empty()) return "while full: " + wrong;
    make_room();
    if (const std::string wrong = append(); !wrong.empty())
      return "must go on once there is room, threw " + wrong;
    if (const std::string wrong = look(); !wrong.empty()) return "with room again: " + wrong;
    store_.reset();
    store_ = make_store(directory_);
    const std::string wrong = look();
    return wrong.empty() ? "" : "reopened: " + wrong;
  }

 private:
  bool is_right(Code code) const { return code == Code::exhausted || (!real_ && code == Code::io); }

  Draft next() const {
    Draft draft = append_of("j", head_, 0);
    for (std::uint64_t seq = head_ + 1; seq <= head_ + 8; ++seq) draft.add(line_of("j", seq, 8000));
    draft.fixed = "fixed";
    draft.columns.created = 1;
    return draft;
  }

  // What commit() threw; empty: nothing.
  std::string append() try {
    if (writer_.commit(*store_, {next()}) != Outcomes{Outcome::done})
      return "no error, and not done";
    head_ += 8;
    return "";
  } catch (const domed::Error& error) {
    code_ = error.code();
    return text_of(error.code()) + ": " + error.what();
  }

  std::optional<Code> fill() {
    while (head_ < 8192)
      if (!append().empty()) return code_;
    return std::nullopt;
  }

  void make_room() {
    fs::remove(directory_ / "ballast");
    if (!real_) limit_files(RLIM_INFINITY);
  }

  // What was acknowledged, and nothing else.
  std::string look() const {
    const auto slice = store_->read("j", 1, SIZE_MAX, SIZE_MAX);
    if (!slice) return "the job is gone";
    if (slice->job.head_seq != head_)
      return "the head must be " + std::to_string(head_) + ", is " +
             std::to_string(slice->job.head_seq);
    Lines lines;
    for (std::uint64_t seq = 1; seq <= head_; ++seq) lines.push_back(line_of("j", seq, 8000));
    return lines == lines_in(*slice) ? "" : "the lines are not those that were acknowledged";
  }

  fs::path directory_;
  bool real_;
  std::unique_ptr<domed::Store> store_;
  Writer writer_;
  std::uint64_t head_ = 0;
  Code code_ = Code::internal;
};

// What goes wrong outside a store, and how it says so.
class StoreMedium : public StoreTest {
 protected:
  static std::string open_as_nobody(const fs::path& directory) {
    constexpr uid_t kNobody = 65534;
    if (::geteuid() == 0 && (::setresgid(kNobody, kNobody, kNobody) != 0 ||
                             ::setresuid(kNobody, kNobody, kNobody) != 0))
      return "cannot become nobody";
    if (::access(directory.c_str(), W_OK) == 0) return "cannot be kept from writing";
    try {
      make_store(directory);
      return "nothing was thrown";
    } catch (const domed::Error& error) {
      return text_of(error.code());
    }
  }
};

TEST_F(StoreMedium, FullDiskIsExhaustedAndPasses) {
  const fs::path small = directory() / "small";
  fs::create_directory(small);
  close();  // before a child is made
  const std::string wrong = in_child([&] { return FullDisk(small).play(); });
  if (wrong == "not full after 64 MiB")
    CANNOT_CHECK("this machine lets us neither mount a small file system nor limit the store");
  EXPECT_EQ("", wrong);
}

TEST_F(StoreMedium, DirectoryThatCannotBeWrittenIsIo) {
  const fs::path closed = directory() / "closed";
  fs::create_directory(closed);
  fs::permissions(directory(), fs::perms::group_exec | fs::perms::others_exec,
                  fs::perm_options::add);
  fs::permissions(closed, fs::perms(0555));
  close();  // before a child is made
  const std::string what = in_child([&] { return open_as_nobody(closed); });
  fs::permissions(closed, fs::perms(0755));
  if (what.starts_with("cannot")) CANNOT_CHECK(what);
  EXPECT_EQ("io", what);
}

TEST_F(StoreMedium, NothingIsAcknowledgedIntoAVanishedDirectory) {
  make_job("j", 3);
  for (const auto& entry : fs::directory_iterator(directory())) fs::remove_all(entry.path());
  try {
    commit_one(append_of("j", 3, 1));
  } catch (const domed::Error& error) {
    EXPECT_EQ("io", text_of(error.code())) << error.what();
    EXPECT_NE(std::string::npos, std::string(error.what()).find(directory().string()))
        << "the text does not name the place: " << error.what();
    return;
  }
  close();
  open();  // it was acknowledged, so it must be somewhere
  EXPECT_EQ(lines_of("j", 1, 4), read_all("j"));
}

}  // namespace
}  // namespace conformance
