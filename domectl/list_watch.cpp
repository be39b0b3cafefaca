#include "domectl/list_watch.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "domectl/interrupt.h"
#include "domectl/job_screen.h"
#include "domectl/raw_terminal.h"
#include "domectl/report.h"
#include "domectl/table.h"

namespace domed::ctl {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kEach = 1s;    // between two looks
constexpr auto kSilent = 3s;  // then it is said that the daemon does not answer

// Asks the daemon, on a thread of its own: whoever looks is obeyed at once, whatever the daemon
// does.
class Asker {
 public:
  struct News {
    std::vector<OrderedJson> jobs;
    bool more = false;     // than these
    std::int64_t now = 0;  // the daemon's time
    std::string done;      // what came of a wish
    std::exception_ptr broken;
  };

  Asker(Context& context, const ListWatch& given)
      : context_(context),
        given_(given),
        told_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        thread_([this](const std::stop_token& stop) { work(stop); }) {}

  // Readable when there are news.
  int fd() const { return told_.get(); }
  std::optional<News> take() {
    eventfd_t ignored;
    eventfd_read(told_.get(), &ignored);
    const std::lock_guard lock(mutex_);
    return std::exchange(news_, std::nullopt);
  }
  void ask_for(const char* method, const std::string& job_id) {
    const std::lock_guard lock(mutex_);
    wishes_.emplace_back(method, job_id);
    changed_.notify_all();
  }

 private:
  using Wish = std::pair<const char*, std::string>;

  void work(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      News news;
      const auto begin = std::chrono::steady_clock::now();
      try {
        for (const auto& [method, job_id] : take_wishes()) news.done = did(method, job_id, stop);
        news.jobs = jobs_of(context_, given_.filter, given_.limit + 1, stop);
        news.more = news.jobs.size() > given_.limit;
        if (news.more) news.jobs.resize(given_.limit);
        news.now = context_.daemon_now();
      } catch (...) {
        news.broken = std::current_exception();
      }
      std::unique_lock lock(mutex_);
      if (news_ && news.done.empty()) news.done = news_->done;
      const bool broken = news.broken != nullptr;
      news_ = std::move(news);
      eventfd_write(told_.get(), 1);
      if (broken) return;
      // Of a filter that is sifted here the daemon reads all jobs: what took long is asked for less
      // often.
      const auto took = std::chrono::steady_clock::now() - begin;
      changed_.wait_for(lock, stop, std::max<std::chrono::steady_clock::duration>(kEach, 4 * took),
                        [this] { return !wishes_.empty(); });
    }
  }

  std::vector<Wish> take_wishes() {
    const std::lock_guard lock(mutex_);
    return std::exchange(wishes_, {});
  }

  // A refusal is told, and no reason to leave.
  std::string did(const char* method, const std::string& job_id, const std::stop_token& stop) try {
    CallOptions options;
    options.stop = stop;
    context_.client().call(method, {{"job_id", job_id}}, options);
    return "";
  } catch (const ApiError& e) {
    if (e.name() == "E_STOPPED") throw;
    return e.name() + ": " + e.what();
  }

  Context& context_;
  const ListWatch& given_;
  const Fd told_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<News> news_;
  std::vector<Wish> wishes_;
  std::jthread thread_;  // the last: it uses the others
};

// The other screen, without a cursor, and raw keys; the first one is as it was when this ends.
class FullScreen {
 public:
  FullScreen() {
    put("\033[?1049h\033[?25l\033[?7l");
    out().flush();
  }
  ~FullScreen() {
    try {
      put("\033[?7h\033[?25h\033[?1049l");
      out().flush();
    } catch (const std::exception&) {  // nobody sees it
    }
  }
  FullScreen(const FullScreen&) = delete;

 private:
  const RawTerminal raw_;
};

// As a shell runs a command in the foreground: Ctrl-C is for it alone.  It cannot be stopped, for
// nobody would let it go on.
int run_in_front(std::vector<std::string> words) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  struct sigaction ignore {
  }, tstp{}, ttou{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGTSTP, &ignore, &tstp);
  sigaction(SIGTTOU, &ignore, &ttou);
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, "/proc/self/exe", nullptr, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  int status = 0;
  if (error == 0) {
    tcsetpgrp(STDIN_FILENO, pid);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    tcsetpgrp(STDIN_FILENO, getpgrp());
  }
  sigaction(SIGTSTP, &tstp, nullptr);
  sigaction(SIGTTOU, &ttou, nullptr);
  return error;
}

class Watcher {
 public:
  Watcher(Context& context, const ListWatch& given)
      : context_(context),
        asker_(context, given),
        screen_(given.columns, given.order),
        full_(std::in_place) {
    stopped_.emplace(stop_.token(), [this] { eventfd_write(end_.get(), 1); });
  }

  int run() {
    while (!leaves_ && !stop_.stopped()) {
      draw();
      wait();
    }
    if (broken_) std::rethrow_exception(broken_);
    return stop_.stopped() ? stop_.code() : 0;
  }

 private:
  void wait() {
    pollfd fds[] = {{end_.get(), POLLIN, 0},
                    {asker_.fd(), POLLIN, 0},
                    {window_.fd(), POLLIN, 0},
                    {STDIN_FILENO, POLLIN, 0}};
    // Durations go on also where the daemon says nothing.
    if (poll(fds, std::size(fds), 1000) < 0 && errno != EINTR) leaves_ = true;
    if (fds[1].revents) take(asker_.take());
    eventfd_t ignored;
    if (fds[2].revents) eventfd_read(window_.fd(), &ignored);
    if (fds[3].revents) read_keys();
  }

  void take(std::optional<Asker::News> news) {
    if (!news) return;
    broken_ = news->broken;
    leaves_ = leaves_ || broken_;
    if (broken_) return;
    screen_.take(std::move(news->jobs), news->more);
    now_ = news->now, heard_ = Clock::now();
    if (!news->done.empty()) screen_.say(std::move(news->done));
  }

  void read_keys() {
    char bytes[256];
    const ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) leaves_ = true;
    if (n <= 0) return;
    for (const Key& key : keys_of(std::string_view(bytes, static_cast<std::size_t>(n))))
      if (!leaves_) do_as(screen_.press(key));
  }

  void do_as(JobScreen::Wish wish) {
    using Wish = JobScreen::Wish;
    if (wish == Wish::leave) leaves_ = true;
    if (wish == Wish::none || wish == Wish::leave || !screen_.chosen()) return;
    const std::string job_id = screen_.chosen()->at("job_id").get<std::string>();
    if (wish == Wish::follow) return follow(job_id);
    asker_.ask_for(wish == Wish::cancel  ? "CancelJob"
                   : wish == Wish::pause ? "PauseJob"
                                         : "ResumeJob",
                   job_id);
  }

  // On the first screen, where it can still be read afterwards.
  void follow(const std::string& job_id) {
    full_.reset();
    std::vector<std::string> words = context_.own_words();
    words.insert(words.end(), {"follow", "--tail", "1000", "--", job_id});
    const int error = run_in_front(std::move(words));
    if (error != 0) note("cannot start domectl follow");
    note("any key goes back to the list");
    {
      const RawTerminal raw;
      pollfd fds[] = {{end_.get(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
      char ignored[256];
      if (poll(fds, std::size(fds), -1) > 0 && fds[1].revents &&
          read(STDIN_FILENO, ignored, sizeof ignored) <= 0)
        leaves_ = true;
    }
    full_.emplace();
  }

  void draw() {
    const auto silent = Clock::now() - heard_;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(silent).count();
    screen_.trouble(silent <= kSilent ? ""
                    : now_ == 0
                        ? "waiting for the daemon"
                        : "the daemon has not answered for " + std::to_string(seconds) + "s");
    const std::int64_t now =
        now_ + std::chrono::duration_cast<std::chrono::microseconds>(silent).count();
    const auto lines =
        screen_.lines(rows_of_terminal(STDOUT_FILENO), columns_of_terminal(STDOUT_FILENO), now,
                      Colours::of(STDOUT_FILENO));
    // Each line in place of the one before, all in one write: nothing flickers.  Cleared before it
    // is written, for behind a full one the cursor still stands on its last character.
    std::string text = "\033[H";
    for (std::size_t i = 0; i < lines.size(); ++i)
      text += std::string(i > 0 ? "\r\n" : "") + "\033[2K" + lines[i];
    put(text);
    out().flush();
  }

  Context& context_;
  const Fd end_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  const StopBySignal stop_;
  const WindowWatch window_;
  Asker asker_;
  JobScreen screen_;
  std::optional<FullScreen> full_;
  std::int64_t now_ = 0;
  Clock::time_point heard_ = Clock::now();
  std::exception_ptr broken_;
  bool leaves_ = false;
  std::optional<std::stop_callback<std::function<void()>>> stopped_;
};

}  // namespace

int watch_list(Context& context, const ListWatch& given) {
  const JobTable asked(given.columns);  // what is wrong is told before the screen is taken
  // Before the signals are taken; and silent, for words of its own would stand on the screen.
  context.json = true;
  context.client();
  context.json = false;
  Watcher watcher(context, given);
  return watcher.run();
}

}  // namespace domed::ctl
