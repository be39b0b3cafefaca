// A job's output in less(1), which reads it as it is paged.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "domectl/context.h"
#include "domectl/selection.h"
#include "domectl/terminal.h"
#include "domectl/view.h"
#include "system/fd.h"

namespace domed::ctl {
namespace {

struct Paging {
  std::string job;
  View view;
  bool follow = false;
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

[[noreturn]] void fail(const std::string& what, int error) {
  throw Error(Code::io, what + ": " + std::strerror(error));
}

// A program of its own writes what less reads, at the pace at which that does: so less has the
// terminal, its keys and its exit to itself.
void start_writer(std::vector<std::string> words, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  // Ctrl-C is for less, which stops waiting at it; the writer ends when its reader is gone.
  struct sigaction ignore {
  }, before{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGINT, &ignore, &before);
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, pointers(words).data(), environ);
  sigaction(SIGINT, &before, nullptr);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fail("cannot start domectl logs", error);
}

int page(Context& context, const std::string& job_id, const Paging& given) {
  // What is wrong is told here, and not on less's screen.
  context.client().call("GetJobStatus", {{"job_id", job_id}});
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail("cannot make a pipe", errno);
  const Fd from(ends[0]);
  Fd to(ends[1]);
  std::vector<std::string> words = context.own_words();
  words.insert(words.end(), {"logs", "--for-pager"});
  if (given.follow) words.push_back("--follow");
  for (const auto& flag : flags_of(given.view)) words.push_back(flag);
  words.insert(words.end(), {"--", job_id});
  start_writer(std::move(words), to.get());
  to.reset();
  std::vector<std::string> less{"less", "-R"};
  if (given.follow) less.push_back("+F");
  dup2(from.get(), STDIN_FILENO);
  execvp("less", pointers(less).data());
  throw UsageError(std::string("cannot run 'less': ") + std::strerror(errno) +
                   "; 'domectl logs JOB' prints the same");
}

}  // namespace

void add_less(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Paging>();
  CLI::App* verb = app.add_subcommand("less", "Read what a job wrote in less, page by page");
  verb->add_option("JOB", given->job, kJobHelp)->required();
  add_view_options(*verb, given->view);
  verb->add_flag("-f,--follow", given->follow,
                 "Begin at the end, and show what comes; Ctrl-C pages");
  verb->footer(
      "less reads on as it is paged: G reads all of the log, --tail begins near its end.\n\n"
      "Examples:\n  domectl less nightly --since 1h\n  domectl less @last --tail 10000");
  verb->callback([&context, given] {
    context.action = [&context, given] {
      check_view(given->view);
      if (context.json || !is_terminal(STDOUT_FILENO))
        throw UsageError("'less' needs a terminal: 'domectl logs' prints the same");
      return context.with_job(given->job,
                              [&](const std::string& id) { return page(context, id, *given); });
    };
  });
}

}  // namespace domed::ctl
