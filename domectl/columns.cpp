#include "domectl/columns.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <set>

#include "base/units.h"
#include "domectl/context.h"
#include "domectl/job_order.h"
#include "domectl/screen_line.h"
#include "domectl/table.h"

namespace domed::ctl {
namespace {

using Text = std::function<std::string(const OrderedJson& job, std::int64_t now)>;

struct Column {
  const char* name;
  const char* head;
  Text text;
  // What it keeps of its width where the window is narrow; 0: all.
  std::size_t least = 0;
};

Text field_named(const char* key) {
  return [key](const OrderedJson& job, std::int64_t) { return field(job, key); };
}
Text age_of(const char* key) {
  return [key](const OrderedJson& job, std::int64_t now) { return age(field(job, key), now); };
}

// It is queued, or runs, and nothing will come of that: what people want to see is why.
std::string state_text(const OrderedJson& job, std::int64_t) {
  if (job.value("paused", false)) return "paused";
  return job.value("held", false) ? "held" : field(job, "state");
}

std::string progress_text(const OrderedJson& job, std::int64_t) {
  const auto value = job.find("progress");
  if (value == job.end() || !value->is_number()) return "";
  // Down: 100 % is said when it is done.
  return std::to_string(static_cast<int>(value->get<double>() * 100 + 1e-6)) + "%";
}

std::string labels_text(const OrderedJson& job, std::int64_t) {
  std::string out;
  const OrderedJson labels = part(job, "labels");
  for (const auto& [key, value] : labels.items())
    out += (out.empty() ? "" : ",") + key + "=" +
           (value.is_string() ? value.get<std::string>() : value.dump());
  return visible(out);
}

const std::vector<Column>& columns() {
  static const std::vector<Column> all{
      {"id", "JOB", field_named("job_id"), 8},
      {"name", "NAME", field_named("name"), 8},
      {"state", "STATE", state_text},
      {"code", "CODE", [](const OrderedJson& job, std::int64_t) { return code_text(job); }},
      {"created", "CREATED", age_of("created_at")},
      {"started", "STARTED", age_of("started_at")},
      {"ended", "ENDED", age_of("ended_at")},
      {"took", "TOOK", took_text},
      {"progress", "PROGRESS", progress_text},
      {"waiting", "WAITING", field_named("waiting"), 10},
      {"what", "WHAT", [](const OrderedJson& job, std::int64_t) { return what_text(job); }, 10},
      {"tool", "TOOL", field_named("tool_id"), 8},
      {"node", "NODE", field_named("node"), 8},
      {"submitter", "SUBMITTER", field_named("submitter"), 8},
      {"queue", "QUEUE", [](const OrderedJson& job, std::int64_t) { return queue_of(job); }, 7},
      {"priority", "PRIORITY", field_named("priority")},
      {"labels", "LABELS", labels_text, 8}};
  return all;
}

const Column* column(const std::string& name) {
  for (const auto& one : columns())
    if (name == one.name) return &one;
  return nullptr;
}

// A table in the making: all texts, and how wide each column may be.
class Grid {
 public:
  Grid(const std::vector<std::string>& names, const std::vector<OrderedJson>& jobs,
       std::int64_t now) {
    for (const auto& name : names) {
      const Column* const from = column(name);
      Cells cells{from, {from->head}, 0};
      for (const auto& job : jobs) {
        cells.texts.push_back(from->text(job, now));
        if (cells.texts.back().empty()) cells.texts.back() = "-";
      }
      for (const auto& text : cells.texts)
        cells.width = std::max(cells.width, columns_of_text(text));
      columns_.push_back(std::move(cells));
    }
  }

  std::size_t width() const {
    std::size_t out = 0;
    for (const auto& cells : columns_) out += cells.width + (out > 0 ? 2 : 0);
    return out;
  }
  bool has(const char* name) const { return find(name) != columns_.end(); }
  // Nothing stands in it.
  bool is_empty(const char* name) const {
    const auto& texts = find(name)->texts;
    return std::all_of(texts.begin() + 1, texts.end(),
                       [](const auto& text) { return text == "-"; });
  }
  // In it stands one thing, or nothing.
  bool is_same(const char* name) const {
    const auto& texts = find(name)->texts;
    const std::set<std::string> all(texts.begin() + 1, texts.end());
    return all.size() - all.count("-") <= 1;
  }
  void drop(const char* name) { columns_.erase(find(name)); }
  // As many of the first letters of the ids as tell them apart.
  void shorten_ids() {
    auto& texts = find("id")->texts;
    std::size_t size = 8;
    for (bool apart = false; !apart && size < 32; ++size) {
      std::vector<std::string> short_ones;
      for (std::size_t i = 1; i < texts.size(); ++i) short_ones.push_back(texts[i].substr(0, size));
      std::sort(short_ones.begin(), short_ones.end());
      apart = std::adjacent_find(short_ones.begin(), short_ones.end()) == short_ones.end();
      if (apart) break;
    }
    std::size_t& width = find("id")->width = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      // Others than those that domed makes have names in them, which begin alike.
      if (i > 0 && texts[i].size() == 32) texts[i].resize(size);
      width = std::max(width, columns_of_text(texts[i]));
    }
  }
  // Takes "surplus" from the widest columns that can give something; what is left of it.
  std::size_t narrow(std::size_t surplus) {
    while (surplus > 0) {
      auto widest = columns_.end();
      for (auto it = columns_.begin(); it != columns_.end(); ++it)
        if (it->from->least > 0 && it->width > it->from->least &&
            (widest == columns_.end() || it->width > widest->width))
          widest = it;
      if (widest == columns_.end()) break;
      --widest->width, --surplus;
    }
    return surplus;
  }

  std::string line(std::size_t row, const Colours& colours) const {
    std::string out;
    for (const auto& cells : columns_) {
      std::string text = cells.texts[row];
      if (columns_of_text(text) > cells.width)
        text =
            cells.width > 3 ? fitting(text, cells.width - 3) + "..." : fitting(text, cells.width);
      const std::size_t pad = cells.width - std::min(cells.width, columns_of_text(text));
      // By hand and not by the text's size: colours around it take no room.
      if (row > 0 && std::strcmp(cells.from->name, "state") == 0) text = colours.state(text);
      out += (out.empty() ? "" : "  ") + text + std::string(pad, ' ');
    }
    while (out.ends_with(' ')) out.pop_back();
    return out;
  }

 private:
  struct Cells {
    const Column* from;
    std::vector<std::string> texts;  // the head first
    std::size_t width;
  };
  std::vector<Cells>::iterator find(const char* name) {
    return std::find_if(columns_.begin(), columns_.end(), [name](const Cells& cells) {
      return std::strcmp(cells.from->name, name) == 0;
    });
  }
  std::vector<Cells>::const_iterator find(const char* name) const {
    return const_cast<Grid*>(this)->find(name);
  }

  std::vector<Cells> columns_;
};

std::string known_columns() {
  std::string out;
  for (const auto& one : columns()) out += (out.empty() ? "" : ", ") + std::string(one.name);
  return out;
}

}  // namespace

JobTable::JobTable(const std::string& names) {
  for (std::size_t at = 0; at < names.size();) {
    const std::size_t end = std::min(names.find(',', at), names.size());
    names_.push_back(names.substr(at, end - at));
    if (!column(names_.back()))
      throw UsageError("--columns: there is no '" + names_.back() + "': there are " +
                       known_columns());
    at = end + 1;
  }
}

std::string JobTable::text(const std::vector<OrderedJson>& jobs, std::int64_t now,
                           std::size_t width, const Colours& colours) const {
  std::string out;
  for (const auto& line : lines(jobs, now, width, colours)) out += line + "\n";
  return out;
}

std::vector<std::string> JobTable::lines(const std::vector<OrderedJson>& jobs, std::int64_t now,
                                         std::size_t width, const Colours& colours) const {
  const std::vector<std::string> usual{"id",   "name", "state",     "progress", "code",   "created",
                                       "took", "node", "submitter", "what",     "waiting"};
  Grid grid(names_.empty() ? usual : names_, jobs, now);
  if (names_.empty()) {
    for (const char* rare : {"name", "progress"})
      if (grid.is_empty(rare)) grid.drop(rare);
    // For windows that have room to spare, and of the first two what tells jobs apart.
    if (width < 160 || grid.is_empty("waiting")) grid.drop("waiting");
    for (const char* same : {"node", "submitter"})
      if (width < 160 || grid.is_same(same)) grid.drop(same);
  }
  if (width > 0) {
    if (grid.has("id")) grid.shorten_ids();
    for (const char* least : {"waiting", "took", "created", "code", "progress", "name", "what"}) {
      if (grid.narrow(grid.width() - std::min(grid.width(), width)) == 0) break;
      if (names_.empty() && grid.has(least)) grid.drop(least);
    }
  }
  std::vector<std::string> out;
  for (std::size_t row = 0; row <= jobs.size(); ++row) {
    std::string line = grid.line(row, colours);
    // Columns that were asked for may be too many: none of them wraps.
    if (width > 0 && grid.width() > width) line = fitting(grid.line(row, Colours(false)), width);
    out.push_back(row == 0 ? colours.dim(line) : line);
  }
  return out;
}

namespace {

bool is_field(const std::string& name) {
  static const std::vector<std::string> all{
      "job_id",     "run_id",     "log_id",     "name",       "state",     "reason",
      "message",    "exit_code",  "signal",     "held",       "paused",    "was_paused",
      "node",       "queue",      "priority",   "depends_on", "retry_of",  "retry",
      "retried_by", "not_before", "submitter",  "executor",   "tool_id",   "command",
      "labels",     "created_at", "started_at", "ended_at",   "first_seq", "head_seq"};
  return std::find(all.begin(), all.end(), name) != all.end();
}

std::string named(const std::string& name, const OrderedJson& job, std::int64_t now) {
  if (const Column* one = column(name)) return one->text(job, now);
  if (is_field(name)) return field(job, name.c_str());
  throw UsageError("--format: there is no {" + name + "}: there are " + known_columns() +
                   ", and the fields of 'domectl list --json'");
}

}  // namespace

std::string formatted(const std::string& form, const OrderedJson& job, std::int64_t now) {
  std::string out;
  for (std::size_t at = 0; at < form.size(); ++at) {
    const std::string two = form.substr(at, 2);
    if (two == "{{" || two == "}}" || two == "\\n" || two == "\\t" || two == "\\\\") {
      out += two == "\\n" ? '\n' : two == "\\t" ? '\t' : two[0];
      ++at;
    } else if (form[at] == '{') {
      const std::size_t end = form.find('}', at);
      if (end == std::string::npos)
        throw UsageError("--format: a { without its }; write {{ for the brace itself");
      out += named(form.substr(at + 1, end - at - 1), job, now);
      at = end;
    } else {
      out += form[at];
    }
  }
  return out;
}

std::string signal_name(std::int64_t signal) {
  const char* name = sigabbrev_np(static_cast<int>(signal));
  return name ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

std::string code_text(const OrderedJson& job) {
  const std::string reason = field(job, "reason");
  if (job.contains("exit_code")) return field(job, "exit_code");
  if (reason == "signal" && job.value("signal", OrderedJson()).is_number_integer())
    return signal_name(job["signal"].get<std::int64_t>());
  return reason.empty() || reason == "cancel" || reason == "reported" ? "-" : reason;
}

std::string took_text(const OrderedJson& job, std::int64_t now) {
  const auto started = parse_time(field(job, "started_at"));
  if (!started) return "-";
  const std::int64_t end = parse_time(field(job, "ended_at")).value_or(now);
  return format_duration(std::chrono::microseconds(std::max<std::int64_t>(0, end - *started)));
}

std::string queue_of(const OrderedJson& job) {
  if (field(job, "executor") == "external") return "";
  const std::string queue = field(job, "queue");
  return queue.empty() ? "default" : queue;
}

std::string what_text(const OrderedJson& job) {
  if (job.contains("damaged")) return "damaged: " + field(job, "damaged");
  if (job.contains("tool_id")) return "tool " + field(job, "tool_id");
  if (!job.contains("command") || !job["command"].is_array()) return field(job, "executor");
  std::string out;
  for (const auto& word : job["command"])
    out += (out.empty() ? "" : " ") + (word.is_string() ? word.get<std::string>() : word.dump());
  return visible(out);
}

bool mentions(const OrderedJson& job, const std::string& text) {
  std::string all = state_of(job) + " " + what_text(job);
  for (const char* key : {"job_id", "name", "queue", "node", "submitter", "reason", "labels"})
    all += " " + field(job, key);
  return lower(all).find(lower(text)) != std::string::npos;
}

}  // namespace domed::ctl
