#include "story.h"

#include "client/event_line.h"

namespace domed::history {
namespace {

std::string encode(std::uint64_t seq, const std::string& type, const std::string& payload) {
  return R"({"job_id":"job","seq":)" + std::to_string(seq) +
         R"(,"ts":"2026-01-31T12:00:00.000001Z","type":")" + type + R"(","payload":)" + payload +
         "}";
}

}  // namespace

Story::Story(const std::string& store, const std::string& durability)
    : recorder_(out_, store, durability, [this] { return now_ += 1'000'000; }) {}

std::string Story::log_line(std::uint64_t seq, const std::string& text) {
  return encode(seq, "log", R"({"stream":"stdout","text":")" + text + "\"}");
}

std::string Story::change(std::uint64_t seq, const std::string& from, const std::string& to) {
  const std::string before = from.empty() ? "" : R"("from":")" + from + "\",";
  return encode(seq, "state_change", "{" + before + R"("to":")" + to + "\"}");
}

std::string Story::provenance(std::uint64_t seq) {
  return encode(seq, "provenance", R"({"commit_sha":"unknown"})");
}

std::string Story::held(std::uint64_t seq) {
  return encode(seq, "held", "{}");
}

std::string Story::assigned(std::uint64_t seq, const std::string& node) {
  return encode(seq, "assigned", R"({"node":)" + (node.empty() ? "null" : '"' + node + '"') + "}");
}

std::string Story::line(std::uint64_t seq) {
  switch (seq) {
    case 1:
      return change(1, "", "queued");
    case 2:
      return provenance(2);
    case 3:
      return change(3, "queued", "running");
    case 6:
      return change(6, "running", "succeeded");
    default:
      return log_line(seq, "line " + std::to_string(seq));
  }
}

std::string Story::digest(std::uint64_t seq) {
  DigestChain chain{std::string_view(kLog)};
  for (std::uint64_t i = 1; i <= seq; ++i) chain.add(line(i));
  return to_hex(chain.digest());
}

Story& Story::write(const std::string& who, const std::string& what, const OrderedJson& fields) {
  recorder_.write(who, what, fields);
  return *this;
}

Story& Story::wait(int seconds) {
  now_ += seconds * 1'000'000;
  return *this;
}

Story& Story::submitted(const std::string& log, const std::string& request, const std::string& job,
                        bool replayed) {
  return write("client", "submitted",
               {{"client", ""},
                {"key", "k"},
                {"request", request},
                {"job", job},
                {"log", log},
                {"token", "t"},
                {"replayed", replayed}});
}

Story& Story::append(std::uint64_t batch, const std::string& events) {
  return write("producer", "append",
               {{"job", "job"}, {"producer", "p"}, {"batch", batch}, {"events", events}});
}

Story& Story::appended(std::uint64_t batch, std::uint64_t first, std::uint64_t head,
                       const std::string& state) {
  return write("producer", "appended",
               {{"job", "job"},
                {"producer", "p"},
                {"batch", batch},
                {"first", first},
                {"head", head},
                {"state", state},
                {"replayed", false}});
}

Story& Story::follow(const std::string& who, std::uint64_t since, bool tail,
                     const std::string& log) {
  return write(who, "follow", {{"job", "job"}, {"since", since}, {"log", log}, {"tail", tail}});
}

Story& Story::events(const std::string& who, std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t seq = from; seq <= to; ++seq) event(who, seq, line(seq));
  return *this;
}

Story& Story::event(const std::string& who, std::uint64_t seq, const std::string& line,
                    const std::string& log) {
  return write(who, "event", {{"job", "job"}, {"log", log}, {"seq", seq}, {"line", line}});
}

Story& Story::end(const std::string& who, const std::string& end, std::uint64_t cursor,
                  const std::string& error) {
  return write(who, "end", {{"job", "job"}, {"end", end}, {"error", error}, {"cursor", cursor}});
}

Story& Story::status(std::uint64_t head, const std::string& state, const std::string& digest) {
  return write("client", "status",
               {{"job", "job"},
                {"log", kLog},
                {"state", state},
                {"first", 1},
                {"head", head},
                {"digest", digest},
                {"base_digest", ""}});
}

std::set<std::string> broken(const std::vector<const Story*>& stories) {
  History history;
  for (std::size_t i = 0; i < stories.size(); ++i) {
    std::istringstream in(stories[i]->text());
    history.read(in, "story-" + std::to_string(i));
  }
  history.finish();
  std::set<std::string> out;
  for (const auto& clause : clauses())
    if (clause.check(history)) out.insert(clause.name);
  return out;
}

}  // namespace domed::history
