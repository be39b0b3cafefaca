// What is known of a job: on half a screen, or all of it.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/units.h"
#include "domectl/columns.h"
#include "domectl/context.h"
#include "domectl/screen_line.h"
#include "domectl/selection.h"
#include "domectl/table.h"
#include "domectl/when.h"

namespace domed::ctl {
namespace {

// More of them are behind --all.
constexpr std::size_t kArtifacts = 3;
constexpr std::size_t kShortId = 8;
constexpr std::size_t kKeyColumns = 11;

std::string state_line(const OrderedJson& job, std::int64_t now, const Colours& colours) {
  const std::string state = field(job, "state"), reason = field(job, "reason");
  std::string out = colours.state(state), how;
  const auto add = [&how](const std::string& text) { how += (how.empty() ? "" : ", ") + text; };
  for (const char* stays : {"held", "paused"})
    if (job.value(stays, false)) add(stays);
  if (!reason.empty() && reason != "exit") add(reason);
  if (job.contains("exit_code")) add("exit code " + field(job, "exit_code"));
  if (job.value("signal", OrderedJson()).is_number_integer())
    add(signal_name(job["signal"].get<std::int64_t>()));
  if (job.value("cancel_requested", false) && reason != "cancel") add("its end was asked for");
  if (state == "running" && job.value("progress", OrderedJson()).is_number())
    add(std::to_string(static_cast<int>(job["progress"].get<double>() * 100 + 1e-6)) + "%");
  if (!how.empty()) out += " (" + how + ")";
  if (state == "running") out += " for " + took_text(job, now);
  const std::string message = field(job, "message");
  return message.empty() ? out : out + ": " + message;
}

std::string times_line(const OrderedJson& job, std::int64_t now) {
  std::string out =
      local_time(field(job, "created_at")) + " (" + age(field(job, "created_at"), now) + ")";
  const auto created = parse_time(field(job, "created_at")),
             started = parse_time(field(job, "started_at"));
  if (created && started)
    out +=
        ", started after " +
        format_duration(std::chrono::microseconds(std::max<std::int64_t>(0, *started - *created)));
  if (job.contains("ended_at") && started) out += ", took " + took_text(job, now);
  if (!started && job.contains("ended_at")) out += ", ended without a start";
  return out;
}

std::string queue_line(const OrderedJson& job) {
  std::string out = queue_of(job);
  if (job.contains("priority")) out += ", priority " + field(job, "priority");
  if (job.contains("not_before")) out += ", not before " + local_time(field(job, "not_before"));
  if (const auto needs = job.find("depends_on"); needs != job.end() && needs->is_array())
    for (const auto& id : *needs)
      if (id.is_string()) out += ", after " + visible(id.get<std::string>());
  return out;
}

// Who has the slots that it waits for, and who comes first.
std::string behind_line(const OrderedJson& job) {
  constexpr std::size_t kHolders = 4;
  const auto holders = job.find("slots_of");
  std::string out;
  if (holders != job.end() && holders->is_array()) {
    for (std::size_t i = 0; i < std::min(holders->size(), kHolders); ++i)
      if ((*holders)[i].is_string())
        out += (out.empty() ? "" : ", ") +
               visible((*holders)[i].get<std::string>()).substr(0, kShortId);
    if (holders->size() > kHolders)
      out += " and " + std::to_string(holders->size() - kHolders) + " more";
    if (!out.empty()) out = "those that run: " + out;
  }
  const std::uint64_t ahead = job.value("ahead", std::uint64_t{0});
  if (ahead > 0)
    out += (out.empty() ? "" : "; ") + std::to_string(ahead) +
           (ahead == 1 ? " job that comes first" : " jobs that come first");
  return out;
}

std::string attempts_line(const OrderedJson& job) {
  std::string out;
  if (job.contains("retry_of")) out += "of " + field(job, "retry_of");
  if (job.contains("retried_by"))
    out += (out.empty() ? "" : ", ") + std::string("tried again as ") + field(job, "retried_by");
  return out;
}

std::string limits_line(const OrderedJson& job) {
  std::string out;
  const OrderedJson limits = part(job, "limits");
  for (const auto& [name, value] : limits.items())
    out += (out.empty() ? "" : ", ") + visible(name) + " " +
           (name == "memory" && value.is_number_unsigned() ? format_size(value.get<std::uint64_t>())
                                                           : value.dump());
  if (job.value("timeout_s", OrderedJson()).is_number())
    out += (out.empty() ? "" : ", ") + std::string("ends after ") +
           format_duration(std::chrono::microseconds(
               static_cast<std::int64_t>(job["timeout_s"].get<double>() * 1e6)));
  return out;
}

std::string output_line(const OrderedJson& job) {
  std::string out;
  const OrderedJson streams = part(job, "streams");
  for (const auto& [name, totals] : streams.items()) {
    out += (out.empty() ? "" : ", ") + visible(name) + " " + field(totals, "lines") +
           (totals.value("lines", std::uint64_t{0}) == 1 ? " line (" : " lines (") +
           format_size(totals.value("bytes", std::uint64_t{0})) + ")";
    if (totals.value("dropped", std::uint64_t{0}) > 0)
      out += ", " + format_size(totals["dropped"].get<std::uint64_t>()) + " of it dropped";
  }
  return out;
}

std::string source_line(const OrderedJson& job) {
  const OrderedJson found = part(job, "provenance");
  if (found.empty()) return "";
  const std::string commit = field(found, "commit_sha"), dirty = field(found, "dirty_flag");
  std::string out =
      commit.empty() || commit == "unknown" ? "no known commit" : "commit " + commit.substr(0, 12);
  if (dirty == "true") out += ", with uncommitted changes";
  if (field(job, "drift") == "true") out += ", changed while it ran";
  return out;
}

using Rows = std::vector<std::pair<std::string, std::string>>;

void add_artifacts(const OrderedJson& job, Rows& rows) {
  const auto all = job.find("artifacts");
  if (all == job.end() || !all->is_array()) return;
  for (std::size_t i = 0; i < std::min(all->size(), kArtifacts); ++i) {
    const OrderedJson& one = (*all)[i];
    std::string text = field(one, "kind") + " " + field(one, "path");
    for (const char* key : {"bytes", "size"})
      if (const auto size = one.find(key); size != one.end() && size->is_number_unsigned())
        text += " (" + format_size(size->get<std::uint64_t>()) + ")";
    rows.emplace_back(i == 0 ? "artifacts" : "", text);
  }
  if (all->size() > kArtifacts)
    rows.back().second += ", and " + std::to_string(all->size() - kArtifacts) + " more";
}

// At most two lines of a terminal of "columns"; 0: there is none.
std::string in_two_lines(const std::string& text, std::size_t columns) {
  const std::size_t room = 2 * columns - std::min(2 * columns, kKeyColumns + 3);
  return columns == 0 || columns_of_text(text) <= room + 3 ? text : fitting(text, room) + "...";
}

std::string short_text(const OrderedJson& job, std::int64_t now, std::size_t columns,
                       const Colours& colours) {
  Rows rows;
  const auto add = [&rows](const char* key, const std::string& text) {
    if (!text.empty()) rows.emplace_back(key, text);
  };
  const std::string name = field(job, "name");
  add("job", field(job, "job_id") + (name.empty() ? "" : " (" + name + ")"));
  add("state", state_line(job, now, colours));
  add("waiting", field(job, "waiting"));
  add("behind", behind_line(job));
  add("runs", in_two_lines(what_text(job), columns));
  if (field(job, "executor") != "external")
    add("in", job.contains("cwd") ? field(job, "cwd") : "a scratch directory of its own");
  add("submitted", times_line(job, now));
  add("by", field(job, "submitter"));
  add("node", field(job, "node"));
  add("for node", field(job, "wanted_node"));
  if (field(job, "executor") != "external") add("queue", queue_line(job));
  add("attempt", attempts_line(job));
  add("limits", limits_line(job));
  const OrderedJson labels = part(job, "labels");
  for (const auto& [key, value] : labels.items())
    rows.emplace_back(
        rows.back().first == "labels" || rows.back().first.empty() ? "" : "labels",
        visible(key + "=" + (value.is_string() ? value.get<std::string>() : value.dump())));
  add("output", output_line(job));
  add_artifacts(job, rows);
  add("source", source_line(job));
  if (const OrderedJson imported = part(job, "imported"); !imported.empty())
    add("imported", local_time(field(imported, "at")));
  std::string out;
  for (const auto& [key, text] : rows) {
    std::string head = key;
    head.resize(kKeyColumns, ' ');
    out += colours.dim(head) + text + "\n";
  }
  return out;
}

// A record of forty fields would bury the ten that people look for; what it says of changes is told
// by "drift".
std::string whole_text(OrderedJson job) {
  job.erase("provenance_end");
  if (job.contains("provenance") && job["provenance"].is_object()) {
    const OrderedJson& found = job["provenance"];
    job["provenance"] = "commit " + field(found, "commit_sha") + ", dirty " +
                        field(found, "dirty_flag") + " ('domectl provenance' shows all)";
  }
  return listing(job);
}

int status(Context& context, const Selection& given, bool all) {
  bool first = true;
  return for_each_job(context, given, {"show"}, [&](const std::string& job) {
    const std::string text = context.client().call_raw("GetJobStatus", {{"job_id", job}});
    if (context.json) return put_json(out(), text);
    if (!std::exchange(first, false)) put("\n");
    const OrderedJson record = OrderedJson::parse(text);
    put(all ? whole_text(record)
            : short_text(record, context.daemon_now(),
                         is_terminal(STDOUT_FILENO) ? columns_of_terminal(STDOUT_FILENO) : 0,
                         Colours::of(STDOUT_FILENO)));
  });
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Selection>();
  const auto all = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("status", "Show what is known of jobs");
  add_selection(*verb, *given);
  verb->add_flag("-a,--all", *all, "All of it, field by field");
  verb->callback([&context, given, all] {
    context.action = [&context, given, all] { return status(context, *given, *all); };
  });
}

}  // namespace domed::ctl
