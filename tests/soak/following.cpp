#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <sstream>

#include "base/units.h"
#include "client/event_line.h"
#include "client/verify.h"
#include "soak.h"

namespace domed::soak {
namespace {

using namespace std::chrono_literals;

// A follow of a job that is over needs it never; a history with it is found out.
constexpr auto kDeadline = 600s;

std::int64_t wall_clock() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

FollowOptions options_of(const Job& job, bool frames) {
  FollowOptions options;
  options.job_id = job.id;
  options.use_frames = frames;
  options.await_daemon = true;
  options.deadline = std::chrono::steady_clock::now() + kDeadline;
  return options;
}

}  // namespace

void Soak::follow_jobs(int number) {
  Dice dice(options_.seed * 1000 + 500 + static_cast<std::uint64_t>(number));
  const std::string who = "follower-" + std::to_string(number);
  while (const auto job = queue_.pop()) {
    const auto style = options_.jobs > 0 ? 0 : dice() % 20;
    if (style < 10)
      follow(who, *job, true);
    else if (style < 13)
      follow(who, *job, false);
    else if (style < 18)
      follow_in_pieces(who, *job, dice);
    else
      follow_as_process(who, *job, dice);
  }
}

void Soak::follow(const std::string& who, const Job& job, bool frames) {
  std::string last;
  const auto result =
      history::follow(*recorder_, who, *client_, options_of(job, frames),
                      [&](std::string_view line, std::uint64_t) { last = line, ++events_; });
  ended(job, result, last);
}

// Leaves and comes back with its cursor, wherever it happens to be.
void Soak::follow_in_pieces(const std::string& who, const Job& job, Dice& dice) {
  FollowOptions options = options_of(job, true);
  for (;;) {
    std::stop_source stop;
    options.stop = stop.get_token();
    std::string last;
    const auto leave = 1 + dice() % 60;
    std::uint64_t count = 0;
    const auto result = history::follow(*recorder_, who, *client_, options,
                                        [&](std::string_view line, std::uint64_t) {
                                          last = line, ++events_;
                                          if (++count == leave) stop.request_stop();
                                        });
    if (result.end != "stopped") return ended(job, result, last);
    options.since_seq = result.cursor;
    options.log_id = result.log_id;
  }
}

// domectl, stopped for a while on its way.
void Soak::follow_as_process(const std::string& who, const Job& job, Dice& dice) {
  const std::string out = directory_ + "/" + who + "-" + job.id;
  recorder_->write(who, "follow", {{"job", job.id}, {"since", 0}, {"log", ""}, {"tail", true}});
  history::Ended result{"terminal", "", 0, job.log_id};
  while ((result.error = run_domectl(job, out, dice)).find("no daemon answers") !=
         std::string::npos) {
  }
  if (!result.error.empty()) result.end = "error";
  std::ifstream lines(out);
  for (std::string line; std::getline(lines, line);) {
    const auto event = read_event_line(line);
    result.cursor = event ? event->seq : 0;
    recorder_->write(
        who, "event",
        {{"job", job.id}, {"log", job.log_id}, {"seq", result.cursor}, {"line", line}});
    ++events_;
  }
  recorder_->write(
      who, "end",
      {{"job", job.id}, {"end", result.end}, {"error", result.error}, {"cursor", result.cursor}});
  ended(job, result, "");
  std::remove(out.c_str());
}

// What it complained of; "" where it ended well.  A domectl that finds no daemon
// at its start says so and exits, having shown nothing.
std::string Soak::run_domectl(const Job& job, const std::string& out, Dice& dice) {
  const std::string complaints = out + ".err";
  const pid_t pid = faults::spawn(
      {options_.bin + "/domectl", "--endpoint", proxy_->control(), "follow", job.id, "--json"}, out,
      complaints);
  std::this_thread::sleep_for(std::chrono::milliseconds(dice() % 100));
  kill(pid, SIGSTOP);
  ++stops_;
  std::this_thread::sleep_for(std::chrono::milliseconds(dice() % 500));
  kill(pid, SIGCONT);
  int status = 0;
  waitpid(pid, &status, 0);
  std::stringstream words;
  words << std::ifstream(complaints).rdbuf();
  std::remove(complaints.c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  return "exit status " + std::to_string(status) + ": " + words.str();
}

void Soak::ended(const Job& job, const history::Ended& result, const std::string& last_line) {
  const std::int64_t now = wall_clock();
  ++follows_;
  if (result.end != "terminal")
    return problem("the follow of " + job.id + " ended with " + result.end + " " + result.error);
  ++terminal_;
  const auto event = read_event_line(last_line);
  if (!event) return;
  if (!is_terminal(*event))
    return problem("the last event of " + job.id + " is not the terminal one");
  const std::lock_guard lock(mutex_);
  delays_.push_back(now - parse_time(event->ts).value_or(now));
}

// What is there in the end, straight from the daemon.
void Soak::audit() {
  Client client(daemon_->control());
  for (const auto& job : jobs_) {
    try {
      audit(job, client);
    } catch (const std::exception& e) {
      problem("job " + job.id + ": " + e.what());
    }
  }
}

void Soak::audit(const Job& job, Client& client) {
  const Json status = history::status(*recorder_, "auditor", client, job.id);
  if (status.at("log_id") != job.log_id) problem("job " + job.id + " has another log");
  Verifier verifier(status);
  FollowOptions options = options_of(job, false);
  options.follow = false;
  history::follow(*recorder_, "auditor", client, options,
                  [&](std::string_view line, std::uint64_t) { verifier.line(line); });
  verifier.finish();
  if (verifier.problem()) problem("job " + job.id + ": " + *verifier.problem());
  const std::string reason = status.value("reason", "");
  if (job.expected.empty() || reason != "exit") return;
  const std::string output = status.at("streams").contains("stdout")
                                 ? status.at("streams").at("stdout").at("sha256").get<std::string>()
                                 : sha256_hex("");
  if (output != job.expected) problem("job " + job.id + ": other output than its command wrote");
}

}  // namespace domed::soak
