// What is there in the end.
#include <algorithm>
#include <filesystem>
#include <sstream>

#include "client/verify.h"
#include "history.h"
#include "nodes.h"
#include "system/process.h"

namespace domed::soak {
namespace {

using namespace std::chrono_literals;

// From the last word of a node: a runner ends its command from here on (ClusterTimes::stop_before),
// but for what a busy machine loses.
constexpr auto kMayBeLost = 8s;
// Renewals that were under way are lost with what came after them.
constexpr auto kOneOutage = 5s;

bool is_over(const Json& job) {
  return history::is_terminal(job.at("state").get<std::string>());
}

}  // namespace

// Every job has an end, retries too; what a dead node had in hand has it when that is known.
void NodesSoak::await_ends() {
  Voice voice = this->voice("auditor", 998);
  const auto until = Clock::now() + 120s;
  for (const char* state : {"queued", "running"})
    for (;;) {
      Json page;
      anywhere(voice, [&](Client& client, const std::string&) {
        page = client.call("ListJobs", {{"state", state}, {"limit", 100}});
      });
      if (page.at("jobs").empty()) break;
      if (Clock::now() > until) {
        for (const Json& job : page.at("jobs"))
          problem("the job " + job.at("job_id").get<std::string>() + " has no end: " + job.dump());
        break;
      }
      std::this_thread::sleep_for(200ms);
    }
}

void NodesSoak::audit() {
  Voice voice = this->voice("auditor", 999);
  std::set<std::string> all;
  for (const Job& job : jobs_) all.insert(job.id);
  for (std::string page;;) {
    Json params{{"limit", 500}};
    if (!page.empty()) params["page"] = page;
    Json listed;
    anywhere(voice,
             [&](Client& client, const std::string&) { listed = client.call("ListJobs", params); });
    for (const Json& job : listed.at("jobs")) all.insert(job.at("job_id"));
    page = listed.value("next_page", "");
    if (page.empty()) break;
  }
  if (all.size() < jobs_.size()) problem("jobs are missing in the list");
  for (const auto& job : all) try {
      audit(job, voice);
    } catch (const std::exception& e) {
      problem("job " + job + ": " + e.what());
    }
  audit_processes();
}

void NodesSoak::audit(const std::string& job, Voice& voice) {
  const std::size_t node = voice.dice() % nodes_.size();
  Client& client = *voice.clients[node];
  const std::string who = voice.name + "@" + nodes_[node].name;
  const Json status = history::status(*recorder_, who, client, job);
  Verifier verifier(status);
  FollowOptions options;
  options.job_id = job;
  options.follow = false;
  history::follow(*recorder_, who, client, options,
                  [&](std::string_view line, std::uint64_t) { verifier.line(line); });
  verifier.finish();
  if (verifier.problem()) problem("job " + job + ": " + *verifier.problem());
  const std::string reason = status.value("reason", "");
  ++endings_[status.at("state").get<std::string>() + " by " + reason];
  if (status.contains("retry_of")) ++retries_;
  if (!is_over(status)) return;
  if (reason == "lost" && !may_be_lost(status.value("node", ""), status.value("run_id", "")))
    problem("the job " + job + " is lost, though its node was there: " + status.dump());
  audit_starts(job, status);
  const auto command = commands_.find(job);
  if (command == commands_.end() || reason != "exit") return;
  const Json streams = status.value("streams", Json::object());
  const std::string output =
      streams.contains("stdout") ? streams.at("stdout").value("sha256", "") : sha256_hex("");
  if (output != command->second.expected)
    problem("job " + job + ": other output than its command wrote");
}

// What the command itself has left.
void NodesSoak::audit_starts(const std::string& job, const Json&) {
  std::ifstream marks(directory_ + "/marks/" + job);
  for (std::string mark; std::getline(marks, mark);) {
    recorder_->write("command", mark, {{"job", job}});
    starts_ += mark == "started";
  }
}

// Runners and commands, by what they were started with.
std::map<pid_t, std::string> NodesSoak::processes() const {
  std::map<pid_t, std::string> out;
  for (const auto& [pid, stat] : process_snapshot()) {
    std::string words;
    for (const auto& word : command_line(pid)) words += word + " ";
    const bool is_runner = words.find("domed-runner " + directory_) != std::string::npos,
               is_command = words.find(directory_ + "/marks/") != std::string::npos;
    if ((is_runner || is_command) && is_alive(stat)) out[pid] = words;
  }
  return out;
}

// Nothing runs of jobs that are over; what is being killed gets its time.
void NodesSoak::audit_processes() {
  auto left = processes();
  for (const auto until = Clock::now() + 20s; !left.empty() && Clock::now() < until;
       left = processes())
    std::this_thread::sleep_for(200ms);
  for (const auto& [pid, words] : left)
    problem("of jobs that are over a process is left: " + std::to_string(pid) + " " + words);
}

// Where its runner was killed, or its node was away for long: outages that follow each other
// closely are one.
bool NodesSoak::may_be_lost(const std::string& node, const std::string& run) {
  if (killed_runs_.contains(run)) return true;
  std::size_t which = 0;
  for (; which < nodes_.size(); ++which) {
    std::string id;
    std::ifstream(nodes_[which].daemon->state_directory() + "/node_id") >> id;
    if (id == node) break;
  }
  std::vector<Away> all;
  for (const Away& one : away_)
    if (one.node == which) all.push_back(one);
  std::sort(all.begin(), all.end(), [](const Away& a, const Away& b) { return a.from < b.from; });
  Clock::time_point from{}, until{};
  for (const Away& one : all) {
    if (one.from > until + kOneOutage) from = one.from;
    until = std::max(until, one.until);
    if (until - from >= kMayBeLost) return true;
  }
  return false;
}

}  // namespace domed::soak
