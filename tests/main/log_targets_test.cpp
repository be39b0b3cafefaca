#include "main/log_targets.h"

#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "domed/error.h"
#include "support/scratch.h"

namespace domed {
namespace {

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(LogEntry, NothingBeginsAnotherLineOrSteersATerminal) {
  EXPECT_EQ("a\n    2026-01-01 info job {}", as_one_entry("a\n2026-01-01 info job {}"));
  EXPECT_EQ("\\x1b[2J\\x0d\\x08\\x00\\x7f", as_one_entry(std::string("\x1b[2J\r\b\0\x7f", 8)));
  EXPECT_EQ("\\x9b31m", as_one_entry("\xc2\x9b"
                                     "31m"))
      << "a control character of UTF-8";
  EXPECT_EQ(
      "gr\xc3\xbc\xc3\x9f"
      "e\t1",
      as_one_entry("gr\xc3\xbc\xc3\x9f"
                   "e\t1"));
  EXPECT_EQ("a\\xff", as_one_entry("a\xff"));
}

class LogFileTest : public ::testing::Test {
 protected:
  std::filesystem::path file() { return scratch_.path() / "domed.log"; }
  void say(const std::string& text) {
    spdlog::logger logger("domed", sink_);
    logger.info(text);
  }
  void open(std::uint64_t max_size = 1 << 20, std::int64_t keep = 2) {
    sink_ = std::make_shared<LogFile>(file(), max_size, keep);
    sink_->set_pattern("%v");
  }

  testing::Scratch scratch_;
  spdlog::sink_ptr sink_;
};

TEST_F(LogFileTest, IsAppendedToAndNotForOthers) {
  open();
  say("one");
  open();  // as the next daemon, or a reload
  say("two");
  EXPECT_EQ("one\ntwo\n", contents(file()));
  struct stat info {};
  ASSERT_EQ(0, stat(file().c_str(), &info));
  EXPECT_EQ(0u, info.st_mode & 0007);
}

// As logrotate does it: what is open goes on where it was, until it is opened anew.
TEST_F(LogFileTest, IsOpenedAnewWhereItWasMovedAway) {
  open();
  say("one");
  std::filesystem::rename(file(), file().string() + ".old");
  say("two");
  open();
  say("three");
  EXPECT_EQ("one\ntwo\n", contents(file().string() + ".old"));
  EXPECT_EQ("three\n", contents(file()));
}

TEST_F(LogFileTest, IsBegunAnewBeforeItGrowsTooLong) {
  open(12, 2);
  for (const char* text : {"first", "second", "third", "fourth", "fifth", "sixth", "seventh"})
    say(text);
  EXPECT_EQ("seventh\n", contents(file()));
  EXPECT_EQ("fifth\nsixth\n", contents(file().string() + ".1"));
  EXPECT_EQ("fourth\n", contents(file().string() + ".2"));
  EXPECT_FALSE(std::filesystem::exists(file().string() + ".3"));
}

TEST_F(LogFileTest, NeitherLinksNorPipesAreWrittenTo) {
  std::filesystem::create_symlink("/etc/passwd", file());
  EXPECT_THROW(open(), Error);
  std::filesystem::remove(file());
  ASSERT_EQ(0, mkfifo(file().c_str(), 0600));
  EXPECT_THROW(open(), Error);
}

class JournalTest : public ::testing::Test {
 protected:
  void listen() {
    socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path().c_str());
    unlink(path().c_str());
    ASSERT_EQ(0, bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
  }
  std::string path() { return scratch_.path() / "j"; }
  // The next entry, also one that comes as a file.
  std::string entry() {
    std::string bytes(1 << 20, '\0');
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    iovec part{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_iov = &part, message.msg_iovlen = 1;
    message.msg_control = control, message.msg_controllen = sizeof control;
    ssize_t size = recvmsg(socket_.get(), &message, MSG_DONTWAIT);
    if (const cmsghdr* header = size >= 0 ? CMSG_FIRSTHDR(&message) : nullptr) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
      bytes.resize(16 << 20);
      size = pread(fd, bytes.data(), bytes.size(), 0);
      close(fd);
    }
    bytes.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return bytes;
  }

  testing::Scratch scratch_;
  Fd socket_;
};

TEST_F(JournalTest, ObjectsHaveFields) {
  listen();
  const auto sink = std::make_shared<Journald>(path());
  spdlog::logger("domed", sink).warn("a word");
  EXPECT_EQ("MESSAGE=a word\nPRIORITY=4\nSYSLOG_IDENTIFIER=domed\n", entry());
  spdlog::logger(kJob, sink).info(R"({"job_id":"j","exit_code":3,"state":"failed"})");
  EXPECT_EQ(
      "MESSAGE=job {\"job_id\":\"j\",\"exit_code\":3,\"state\":\"failed\"}\nPRIORITY=6\n"
      "SYSLOG_IDENTIFIER=domed\nDOMED_KIND=job\nDOMED_JOB_ID=j\nDOMED_EXIT_CODE=3\n"
      "DOMED_STATE=failed\n",
      entry());
}

TEST_F(JournalTest, NoTextBecomesAField) {
  const std::string forged = "x\nPRIORITY=0\nDOMED_WHO=root";
  const std::string size{static_cast<char>(forged.size()), 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ("MESSAGE\n" + size + forged + "\nPRIORITY=6\nSYSLOG_IDENTIFIER=domed\n",
            journal_entry(6, "domed", forged));
}

TEST_F(JournalTest, LongEntriesComeAsAFile) {
  listen();
  const std::string text(9 << 20, 'x');
  const auto sink = std::make_shared<Journald>(path());
  spdlog::logger("domed", sink).info(text);
  EXPECT_EQ("MESSAGE=" + text + "\nPRIORITY=6\nSYSLOG_IDENTIFIER=domed\n", entry());
}

TEST_F(JournalTest, WhatIsLostIsToldOfWhenThereIsAJournalAgain) {
  listen();
  const auto sink = std::make_shared<Journald>(path());
  spdlog::logger logger("domed", sink);
  socket_.reset();
  logger.info("one");
  logger.info("two");
  listen();
  logger.info("three");
  EXPECT_EQ(0u, entry().find("MESSAGE=2 line(s) before this one could not be written\n"));
  EXPECT_EQ(0u, entry().find("MESSAGE=three\n"));
  EXPECT_EQ("", entry());
}

TEST_F(JournalTest, WithoutAJournalNothingStarts) {
  EXPECT_THROW(Journald{path()}, Error);
}

}  // namespace
}  // namespace domed
