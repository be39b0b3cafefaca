// What domectl writes, and where: honest about each byte, harmless on a terminal.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <clocale>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include "client/fake_daemon.h"
#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/output_file.h"
#include "domectl/report.h"
#include "domectl/reproduce.h"
#include "domectl/screen_line.h"
#include "domectl/sink.h"
#include "domectl/watch.h"
#include "domed/error.h"

namespace domed::ctl {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

void save(const std::string& path, const std::string& bytes) {
  OutputFile file(path);
  file.output().put(bytes);
  file.commit();
}

std::size_t files_in(const std::string& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  lstat(path.c_str(), &info);
  return info.st_mode;
}

// A device that is always full, of our own; nobody but root may make one.
bool make_full_device(const std::string& path) {
  return mknod(path.c_str(), S_IFCHR | 0600, makedev(1, 7)) == 0;
}

TEST(OutputFile, IsNewByTheUmask) {
  Scratch scratch;
  const std::string path = scratch.path() + "/new";
  const mode_t before = umask(027);
  save(path, "abc");
  umask(before);
  EXPECT_EQ(0640u, mode_of(path) & 07777);
  EXPECT_EQ("abc", bytes_of(path));
}

TEST(OutputFile, IsClosedToOthersWhereItHoldsSecrets) {
  Scratch scratch;
  const std::string path = scratch.path() + "/new";
  const mode_t before = umask(0);
  OutputFile file(path, OutputFile::Holds::secrets);
  file.output().put("abc");
  file.commit();
  umask(before);
  EXPECT_EQ(0600u, mode_of(path) & 07777);
  chmod(path.c_str(), 0664);  // that of before was read by others
  OutputFile again(path, OutputFile::Holds::secrets);
  again.output().put("abc");
  again.commit();
  EXPECT_EQ(0600u, mode_of(path) & 07777);
}

TEST(OutputFile, PutsNoSecretIntoAFileOfSomebodyElse) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make one";
  Scratch scratch;
  const std::string path = scratch.path() + "/theirs";
  std::ofstream(path) << "old";
  ASSERT_EQ(0, chown(path.c_str(), 65534, 65534));
  fs::create_symlink("theirs", scratch.path() + "/link");
  for (const std::string& name : {path, scratch.path() + "/link"})
    EXPECT_THROW(OutputFile(name, OutputFile::Holds::secrets), UsageError) << name;
  EXPECT_EQ("old", bytes_of(path));
}

TEST(OutputFile, KeepsTheModeOfTheOneThatItReplaces) {
  Scratch scratch;
  const std::string path = scratch.path() + "/old";
  std::ofstream(path) << "old";
  for (const mode_t mode : {0600u, 0644u, 0622u}) {
    chmod(path.c_str(), mode);
    save(path, "abc");
    EXPECT_EQ(mode, mode_of(path) & 07777);
  }
  EXPECT_EQ("abc", bytes_of(path));
}

TEST(OutputFile, LeavesNothingAndTheOldOneWhereItIsNotCommitted) {
  Scratch scratch;
  const std::string path = scratch.path() + "/f";
  std::ofstream(path) << "old";
  std::ofstream(path + ".part") << "somebody else's";
  { OutputFile(path).output().put("half"); }
  { OutputFile(scratch.path() + "/new").output().put("half"); }
  EXPECT_EQ("old", bytes_of(path));
  EXPECT_EQ("somebody else's", bytes_of(path + ".part"));
  EXPECT_EQ(2u, files_in(scratch.path()));
}

TEST(OutputFile, ReplacesTheTargetOfALinkAndLeavesTheLink) {
  Scratch scratch;
  fs::create_directory(scratch.path() + "/d");
  std::ofstream(scratch.path() + "/d/target") << "old";
  fs::create_symlink("d/target", scratch.path() + "/link");
  save(scratch.path() + "/link", "abc");
  EXPECT_TRUE(fs::is_symlink(scratch.path() + "/link"));
  EXPECT_EQ("abc", bytes_of(scratch.path() + "/d/target"));
}

TEST(OutputFile, WritesIntoAPipeThatHasItsName) {
  Scratch scratch;
  const std::string path = scratch.path() + "/fifo";
  ASSERT_EQ(0, mkfifo(path.c_str(), 0600));
  auto read = std::async(std::launch::async, [&] { return bytes_of(path); });
  save(path, "abc");
  EXPECT_EQ("abc", read.get());
  EXPECT_TRUE(S_ISFIFO(mode_of(path)));
}

TEST(OutputFile, WritesIntoADeviceAndSaysThatItIsFull) {
  Scratch scratch;
  const std::string path = scratch.path() + "/full";
  if (!make_full_device(path)) GTEST_SKIP() << "only root can make a device";
  if (const int fd = open(path.c_str(), O_WRONLY); fd < 0 || close(fd) != 0)
    GTEST_SKIP() << "devices cannot be opened here";
  EXPECT_THROW(save(path, "abc"), Error);
  EXPECT_TRUE(S_ISCHR(mode_of(path)));
}

TEST(OutputFile, GoesToADescriptorWhereItsNameIsThatOfOne) {
  Scratch scratch;
  const std::string path = scratch.path() + "/log";
  std::ofstream(path) << "before ";
  const int fd = open(path.c_str(), O_WRONLY | O_APPEND);
  save("/dev/fd/" + std::to_string(fd), "abc");
  close(fd);
  EXPECT_EQ("before abc", bytes_of(path));
}

TEST(OutputFile, RefusesWhereThereIsNothingToWriteTo) {
  Scratch scratch;
  fs::create_symlink("nowhere", scratch.path() + "/link");
  for (const char* name : {"", "/link", "/none/f", "/./"})
    EXPECT_THROW(save(scratch.path() + name, "abc"), UsageError) << name;
  EXPECT_EQ(1u, files_in(scratch.path()));
}

TEST(OutputFile, DoesNotReplaceWhatCameMeanwhile) {
  Scratch scratch;
  const std::string path = scratch.path() + "/f";
  OutputFile file(path);
  file.output().put("ours");
  std::ofstream(path) << "theirs";
  EXPECT_THROW(file.commit(), Error);
  EXPECT_EQ("theirs", bytes_of(path));
}

TEST(Sink, SaysWhatKeepsItFromWriting) {
  Sink closed(open("/dev/null", O_RDONLY | O_CLOEXEC));
  closed.put("abc");
  try {
    closed.flush();
    FAIL() << "written to what cannot be written";
  } catch (const Error& e) {
    EXPECT_STREQ("cannot write the output: it is closed", e.what());
  }
}

TEST(Sink, TellsAReaderThatLeftFromAMistake) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
  close(ends[0]);
  Sink sink(ends[1]);
  sink.put("abc");
  EXPECT_THROW(sink.flush(), ReaderGone);
  close(ends[1]);
}

TEST(Sink, GoesOnWhereADescriptorDoesNotWait) {
  int ends[2];
  ASSERT_EQ(0, pipe2(ends, O_CLOEXEC | O_NONBLOCK));
  fcntl(ends[0], F_SETFL, 0);
  const std::string bytes(1 << 20, 'x');
  auto read = std::async(std::launch::async, [&] {
    std::string got;
    char buffer[4096];
    for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
      got.append(buffer, static_cast<std::size_t>(n));
    return got;
  });
  Sink sink(ends[1]);
  sink.put(bytes);
  sink.flush();
  close(ends[1]);
  EXPECT_EQ(bytes, read.get());
  close(ends[0]);
}

TEST(WrittenEvents, NamesTheLastOneOfWhichEveryByteArrived) {
  Scratch scratch;
  const int fd = open((scratch.path() + "/f").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  Sink sink(fd);
  WrittenEvents written(sink, 40);
  EXPECT_EQ(40u, written.last());
  written.put(41);  // it puts nothing
  EXPECT_EQ(41u, written.last());
  sink.put("abc");
  written.put(42);
  written.put(43);
  EXPECT_EQ(41u, written.last()) << "they wait";
  sink.flush();
  EXPECT_EQ(43u, written.last());
  close(fd);
}

TEST(WrittenEvents, DoesNotNameOneThatWasCut) {
  struct sigaction ignore {
  }, before{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &ignore, &before);
  rlimit limit{}, none{};
  getrlimit(RLIMIT_FSIZE, &none);
  limit = none;
  limit.rlim_cur = 150;
  Scratch scratch;
  const int fd = open((scratch.path() + "/f").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  Sink sink(fd);
  WrittenEvents written(sink, 0);
  for (std::uint64_t seq = 1; seq <= 3; ++seq) {
    sink.put(std::string(100, 'x'));
    written.put(seq);
  }
  setrlimit(RLIMIT_FSIZE, &limit);
  EXPECT_THROW(sink.flush(), Error);
  setrlimit(RLIMIT_FSIZE, &none);
  EXPECT_EQ(1u, written.last());
  sigaction(SIGXFSZ, &before, nullptr);
  close(fd);
}

TEST(ScreenLine, KeepsColoursAndWhatOverwrites) {
  EXPECT_EQ("30%", screen_line("10%\r20%\r30%", true));
  EXPECT_EQ("done", screen_line("wait\b\b\b\bdone\r", true));
  EXPECT_EQ("okl", screen_line("all\rok", true)) << "what is not overwritten stays";
  EXPECT_EQ("ok", screen_line("all\rok\033[K", true));
  EXPECT_EQ("\033[0;31mred\033[0m plain", screen_line("\033[31mred\033[m plain", true));
  EXPECT_EQ("\033[0;1;38;5;9mx\033[0m", screen_line("\033[1;38;5;9mx", true));
  EXPECT_EQ("red plain", screen_line("\033[31mred\033[m plain", false));
}

TEST(ScreenLine, ShowsEverythingElse) {
  EXPECT_EQ("\\x1b[2J\\x1b[Ha", screen_line("\033[2J\033[Ha", true));
  EXPECT_EQ("\\x1b]0;title\\x07", screen_line("\033]0;title\a", true));
  EXPECT_EQ("a\\x0ab", screen_line("a\nb", true));
  EXPECT_EQ(
      "\\xc2\\x9b"
      "2J",
      screen_line("\u009b"
                  "2J",
                  true));
}

TEST(ScreenLines, AreWholeWhereverTheirPiecesEnd) {
  ScreenLines lines(true);
  EXPECT_EQ("a\n", lines.take("xx\ra\033[K\nb"));
  EXPECT_EQ("b", lines.begun(true));
  EXPECT_EQ("bcd\n", lines.take("cd\n"));
  for (const char* step : {"10%\r", "20%", "\r30%\r"}) EXPECT_EQ("", lines.take(step));
  EXPECT_EQ("30%", lines.begun(false));
  EXPECT_EQ("100%\n", lines.take("100%\n"));
  EXPECT_EQ("", lines.take("\033[3"));
  EXPECT_EQ("\033[0;31mred\033[0m\n", lines.take("1mred\n")) << "a sequence in two pieces";
  EXPECT_EQ("", lines.take("left"));
  EXPECT_EQ("left", lines.rest());
  EXPECT_EQ("", lines.rest());
}

TEST(ScreenLines, KeepNoMoreThanABound) {
  ScreenLines lines(false);
  std::string out;
  for (int step = 0; step < 100'000; ++step)
    out += lines.take("\r" + std::to_string(step) + " of 100000");
  EXPECT_EQ("", out) << "a bar is as long as one of its steps";
  EXPECT_EQ("99999 of 100000", lines.rest());
  const std::string part(10'000, 'x');
  for (int i = 0; i < 100; ++i) out += lines.take(part);
  EXPECT_LT(900'000u, out.size());
  EXPECT_EQ(1'000'000u, out.size() + lines.rest().size());
}

TEST(ScreenLine, StaysSmallWhateverColoursThereAre) {
  std::string hostile;
  for (int i = 0; i < 6000; ++i) hostile += "\033[38;2;1;2;3mx";
  EXPECT_LT(screen_line(hostile, true).size(), 7000u);
  EXPECT_EQ("x", screen_line("\033[38;2;1mx", true)) << "half a colour is none";
}

TEST(Fitting, CutsByColumnsAndWholeCharacters) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  EXPECT_EQ("abc", fitting("abcd", 3));
  EXPECT_EQ("\u4e16", fitting("\u4e16\u754c", 3)) << "a character of two columns";
  EXPECT_EQ("", fitting("abc", 0));
}

TEST(VisibleJson, IsTheSameJsonWithoutWhatSteers) {
  const std::string json = R"({"a":"x)"
                           "\u009b"
                           "2J\u202e\u2028\u2029\x7f \u4e16"
                           R"("})";
  const std::string shown = visible_json(json);
  EXPECT_EQ(R"({"a":"x\u009b2J\u202e\u2028\u2029\u007f )"
            "\u4e16"
            R"("})",
            shown);
  EXPECT_EQ(Json::parse(json), Json::parse(shown));
}

// What is behind "write" with a descriptor, and is read from the other end.
template <class Write>
std::string written(int from, int to, Write&& write) {
  Sink sink(to);
  write(sink);
  sink.flush();
  char text[4096];
  const ssize_t size = read(from, text, sizeof text);
  close(from), close(to);
  return {text, static_cast<std::size_t>(size)};
}

TEST(PutJson, EscapesAlwaysAndAnEventLineOnATerminalOnly) {
  const std::string json = "{\"a\":\"\u009b\u2028\u202e\"}";
  const std::string shown = R"({"a":"\u009b\u2028\u202e"})";
  const auto pipe_of = [] {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    return ends;
  };
  const auto one = pipe_of(), other = pipe_of();
  EXPECT_EQ(shown + "\n", written(one[0], one[1], [&](Sink& sink) { put_json(sink, json); }));
  EXPECT_EQ(json + "\n",
            written(other[0], other[1], [&](Sink& sink) { put_event_line(sink, json); }));
  int terminal = -1, program = -1;
  ASSERT_EQ(openpty(&terminal, &program, nullptr, nullptr, nullptr), 0);
  EXPECT_EQ(shown + "\r\n",
            written(terminal, program, [&](Sink& sink) { put_event_line(sink, json); }));
}

struct Parsed {
  explicit Parsed(const std::vector<const char*>& words) {
    CLI::App app;
    app.fallthrough();
    std::string endpoint, user;
    app.add_option("--endpoint", endpoint);
    app.add_option("--endpoint-user", user);
    CLI::App* verb = app.add_subcommand("run");
    verb->add_option("--n", number)->check(whole_number(1, 100));
    CLI::App* other = app.add_subcommand("wait");
    other->add_option("--label", labels)->expected(1)->take_all();
    other->add_option("JOB", jobs);
    take_texts_whole(app);
    const Arguments arguments(app, static_cast<int>(words.size()), words.data());
    arguments.parse(app);
    command = arguments.command;
  }
  std::vector<std::string> labels, jobs, command;
  int number = 0;
};

TEST(Arguments, TakeNoTextApart) {
  const Parsed parsed(
      {"domectl", "wait", "--label", "[k]=[v]", "--label=[A=1,B=2]", "[a,b]", "[]"});
  EXPECT_EQ((std::vector<std::string>{"[k]=[v]", "[A=1,B=2]"}), parsed.labels);
  EXPECT_EQ((std::vector<std::string>{"[a,b]", "[]"}), parsed.jobs);
}

TEST(Arguments, LeaveACommandToRunAndTakeIdsThatLookLikeOptions) {
  const Parsed run({"domectl", "run", "--", "[", "-x", "]"});
  EXPECT_EQ((std::vector<std::string>{"[", "-x", "]"}), run.command);
  const Parsed wait({"domectl", "wait", "--", "-x"});
  EXPECT_EQ((std::vector<std::string>{"-x"}), wait.jobs);
}

TEST(Arguments, FindTheVerbBehindTheEndpoint) {
  const Parsed parsed({"domectl", "--endpoint", "ipc:///run/c", "--endpoint-user", "mary", "run",
                       "--", "make", "-k"});
  EXPECT_EQ(parsed.command, (std::vector<std::string>{"make", "-k"}));
}

TEST(Arguments, SayWhichNumbersThereAre) {
  for (const char* bad : {"0", "101", "-1", "1.5", "x", "", "1e2", "99999999999999999999"}) try {
      Parsed({"domectl", "run", "--n", bad});
      ADD_FAILURE() << bad << " was taken";
    } catch (const CLI::ParseError& e) {
      EXPECT_NE(std::string::npos, std::string(e.what()).find("a whole number from 1 to 100"))
          << e.what();
    }
}

TEST(Report, SaysItInTheWordsOfTheCommandLine) {
  EXPECT_EQ("--label must be KEY=VALUE",
            in_own_words(ApiError("E_INVALID_REQUEST", "'label' must be KEY=VALUE")));
  EXPECT_EQ("this --key already names job 'since_seq'",
            in_own_words(ApiError("E_X", "this idempotency_key already names job 'since_seq'")));
  EXPECT_EQ("there is no such event yet: the newest one is 7",
            in_own_words(ApiError("E_CURSOR_AHEAD", "since_seq lies beyond", {{"head", 7u}})));
  EXPECT_EQ("an odd ' quote", in_own_words(ApiError("E_X", "an odd ' quote")));
}

TEST(Reproduction, HoldsNothingThatSteersATerminalAndSaysTheSame) {
  const std::string word = "it's\033[2J\u009b\u202ea\n\x7f z";
  const std::string script =
      reproduction({{"job_id", "j"}, {"command", {"printf", "%s", word}}}, OrderedJson());
  for (const char* bad : {"\033", "\u009b", "\u202e", "\x7f"})
    EXPECT_EQ(std::string::npos, script.find(bad));
  Scratch scratch;
  std::ofstream(scratch.path() + "/s") << script;
  std::FILE* shell = popen(("sh " + scratch.path() + "/s").c_str(), "r");
  std::string got;
  for (int c; (c = std::fgetc(shell)) != EOF;) got += static_cast<char>(c);
  EXPECT_EQ(0, pclose(shell));
  EXPECT_EQ(word, got);
}

}  // namespace
}  // namespace domed::ctl
