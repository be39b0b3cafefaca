#include "history.h"

#include <algorithm>
#include <stdexcept>

#include "base/json.h"
#include "client/event_line.h"

namespace domed::history {
namespace {

std::string text(const Json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : "";
}

std::uint64_t number(const Json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_number_unsigned() ? it->get<std::uint64_t>() : 0;
}

bool flag(const Json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_boolean() && it->get<bool>();
}

Record parse(const std::string& line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) throw std::runtime_error("not a JSON object");
  Record out;
  out.text = line;
  out.t = static_cast<std::int64_t>(number(json, "t"));
  const std::pair<const char*, std::string*> texts[] = {{"who", &out.who},
                                                        {"node", &out.node},
                                                        {"what", &out.what},
                                                        {"store", &out.store},
                                                        {"client", &out.client},
                                                        {"key", &out.key},
                                                        {"request", &out.request},
                                                        {"job", &out.job},
                                                        {"log", &out.log},
                                                        {"token", &out.token},
                                                        {"events", &out.events},
                                                        {"state", &out.state},
                                                        {"producer", &out.producer},
                                                        {"error", &out.error},
                                                        {"end", &out.end},
                                                        {"durability", &out.durability},
                                                        {"of", &out.of},
                                                        {"line", &out.line},
                                                        {"digest", &out.digest},
                                                        {"base_digest", &out.base_digest}};
  for (const auto& [key, field] : texts) *field = text(json, key);
  const std::pair<const char*, std::uint64_t*> numbers[] = {
      {"since", &out.since}, {"seq", &out.seq},   {"batch", &out.batch},
      {"first", &out.first}, {"head", &out.head}, {"cursor", &out.cursor}};
  for (const auto& [key, field] : numbers) *field = number(json, key);
  out.tail = flag(json, "tail");
  out.replayed = flag(json, "replayed");
  if (const auto at = out.who.rfind('@'); at != std::string::npos && out.node.empty())
    out.node = out.who.substr(at + 1);
  if (out.what.empty()) throw std::runtime_error("a record has 'what'");
  return out;
}

}  // namespace

std::string batch_key(const Record& record) {
  return record.store + '\n' + record.job + '\n' + record.producer + '\n' +
         std::to_string(record.batch);
}

bool is_terminal(std::string_view state) {
  return state == "succeeded" || state == "failed" || state == "canceled";
}

const Event* Log::terminal() const {
  for (const auto& [seq, event] : events)
    if (is_terminal(event.to)) return &event;
  return nullptr;
}

std::uint64_t Log::terminal_seq() const {
  const Event* last = terminal();
  return last ? last->record->seq : 0;
}

bool Log::knows(std::uint64_t first, std::uint64_t last) const {
  std::uint64_t next = first;
  for (auto it = events.lower_bound(first); it != events.end() && it->first == next; ++it)
    if (next++ == last) return true;
  return first > last;
}

std::string Log::state_at(std::uint64_t seq) const {
  if (!knows(1, seq)) return "";
  std::string state;
  for (auto it = events.begin(); it != events.end() && it->first <= seq; ++it)
    if (!it->second.to.empty()) state = it->second.to;
  return state;
}

void History::read(std::istream& in, const std::string& file) {
  std::string store, durability;
  std::size_t line_number = 0;
  for (std::string line; std::getline(in, line);) {
    ++line_number;
    if (in.eof()) break;  // cut off: its writer was killed
    try {
      Record record = parse(line);
      if (record.what == "history") {
        store = record.store;
        durability = record.durability;
      }
      record.file = file;
      record.number = line_number;
      record.store = store;
      record.durability = durability;
      records_.push_back(std::move(record));
    } catch (const std::exception& e) {
      throw std::runtime_error(file + ":" + std::to_string(line_number) + ": " + e.what());
    }
  }
  if (line_number == 0) throw std::runtime_error(file + " is empty: nothing was recorded");
}

void History::finish() {
  for (const auto& record : records_) ordered_.push_back(&record);
  std::stable_sort(ordered_.begin(), ordered_.end(),
                   [](const Record* a, const Record* b) { return a->t < b->t; });
  for (const Record* record : ordered_) take(*record);
}

Log& History::log(const std::string& store, const std::string& job, const std::string& id) {
  latest_[store + '\n' + job] = id;
  Log& out = logs_[store + '\n' + id];
  if (out.log.empty()) out.store = store, out.job = job, out.log = id;
  return out;
}

const Log* History::log_of(const Record& record) const {
  std::string id = record.log;
  if (id.empty()) {
    const auto latest = latest_.find(record.store + '\n' + record.job);
    if (latest == latest_.end()) return nullptr;
    id = latest->second;
  }
  const auto it = logs_.find(record.store + '\n' + id);
  return it == logs_.end() ? nullptr : &it->second;
}

// Not by the log that was asked for: there may be no such log.
const Log* History::log_of(const Follow& follow) const {
  if (!follow.events.empty()) return log_of(*follow.events.back());
  const auto latest = latest_.find(follow.asked->store + '\n' + follow.asked->job);
  return latest == latest_.end() ? nullptr : &logs_.at(follow.asked->store + '\n' + latest->second);
}

bool History::forgot(const std::string& store, std::int64_t from, std::int64_t to) const {
  return std::any_of(ends_of_daemons_.begin(), ends_of_daemons_.end(), [&](const Record* record) {
    return record->store == store && record->t >= from && record->t <= to;
  });
}

void History::take(const Record& record) {
  const std::string who = record.file + '\n' + record.who;
  if (!record.node.empty() && record.what != "daemon") nodes_.insert(record.node);
  if (record.what == "daemon" && record.durability == "none" && record.state != "started")
    ends_of_daemons_.push_back(&record);
  if (record.what == "submitted") log(record.store, record.job, record.log);
  if (record.what == "append") appends_.emplace(batch_key(record), &record);
  if (record.what == "status")
    log(record.store, record.job, record.log).statuses.push_back(&record);
  if (record.what == "follow") {
    open_[who] = follows_.size();
    follows_.push_back({&record, {}, nullptr, nullptr});
  }
  if (record.what == "event") take_event(record);
  if (record.what == "appended" || record.what == "trimmed") {
    const Log* known = log_of(record);
    if (!known) return;
    Log& of = logs_.at(known->store + '\n' + known->log);
    if (record.what == "trimmed") {
      of.trimmed = std::max(of.trimmed, record.first);
      return;
    }
    const auto sent = appends_.find(batch_key(record));
    of.acks.push_back({sent == appends_.end() ? nullptr : sent->second, &record});
  }
  const auto open = open_.find(who);
  if (open == open_.end()) return;
  if (record.what == "end") follows_[open->second].end = &record;
  if (record.what == "killed") follows_[open->second].killed = &record;
}

void History::take_event(const Record& record) {
  const auto open = open_.find(record.file + '\n' + record.who);
  if (open != open_.end()) follows_[open->second].events.push_back(&record);
  Log& of = log(record.store, record.job, record.log);
  if (of.events.count(record.seq)) return;
  Event event{&record, record.line, {}, {}, {}, {}};
  if (const auto line = read_event_line(record.line)) {
    event.type = line->type;
    event.payload = line->payload;
    if (line->type == "state_change") {
      const Json payload = Json::parse(line->payload, nullptr, false);
      event.from = text(payload, "from");
      event.to = text(payload, "to");
    }
  }
  of.events.emplace(record.seq, std::move(event));
}

}  // namespace domed::history
