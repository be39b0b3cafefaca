#pragma once

#include <cstdint>
#include <istream>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace domed::history {

// One line of a history: docs/history.md says which fields belong to which kind.
// Absent strings are empty, absent numbers 0.
struct Record {
  std::string file, text;
  std::size_t number = 0;  // of the line, from 1
  std::int64_t t = 0;
  std::string who, what, store, durability;
  std::string node;  // which was asked, or which it is about; empty: there is one only
  std::string client, key, request, job, log, token, producer, events, state, error, end, of, line;
  std::string digest, base_digest;
  std::uint64_t since = 0, seq = 0, batch = 0, first = 0, head = 0, cursor = 0;
  bool tail = false, replayed = false;
};

// An event as somebody received it first.
struct Event {
  const Record* record;
  std::string_view line, type, payload;
  std::string from, to;  // of a state_change
};

// A batch and one of its acknowledgements.
struct Acknowledged {
  const Record* append;  // null: what was sent is not recorded
  const Record* ack;
};

// All that a history tells of one log in one store.
struct Log {
  std::string store, job, log;
  std::map<std::uint64_t, Event> events;
  std::vector<Acknowledged> acks;
  std::vector<const Record*> statuses;
  std::uint64_t trimmed = 1;  // the oldest seq that no trim has taken

  // The first terminal event; null where none was seen.
  const Event* terminal() const;
  std::uint64_t terminal_seq() const;  // 0: none
  // Whether every event from "first" to "last" is known.
  bool knows(std::uint64_t first, std::uint64_t last) const;
  // The state after event "seq"; empty where an event up to it is unknown.
  std::string state_at(std::uint64_t seq) const;
};

// From a follower's asking to its end.
struct Follow {
  const Record* asked;
  std::vector<const Record*> events;
  const Record* end = nullptr;     // null: it never ended
  const Record* killed = nullptr;  // it was, by whoever made the history

  std::uint64_t cursor() const { return events.empty() ? asked->since : events.back()->seq; }
};

// What clients asked, received and were told, read from one file or several, and
// put in order.  Records stay where they are for its life.
class History {
 public:
  // Throws std::runtime_error, naming "file" and line, for what is no history.
  void read(std::istream& in, const std::string& file);
  // After the last file.
  void finish();

  const std::vector<const Record*>& records() const { return ordered_; }
  const std::vector<Follow>& follows() const { return follows_; }
  const std::map<std::string, Log>& logs() const { return logs_; }
  // All that were asked.
  const std::set<std::string>& nodes() const { return nodes_; }
  // The log that "record" speaks of; null where it is not known.
  const Log* log_of(const Record& record) const;
  const Log* log_of(const Follow& follow) const;
  // Whether the daemon of "store" lost all it had between the two times.
  bool forgot(const std::string& store, std::int64_t from, std::int64_t to) const;

 private:
  void take(const Record& record);
  void take_event(const Record& record);
  Log& log(const std::string& store, const std::string& job, const std::string& id);

  std::list<Record> records_;
  std::vector<const Record*> ordered_;
  std::vector<Follow> follows_;
  std::map<std::string, std::size_t> open_;    // by who: the place in follows_
  std::map<std::string, Log> logs_;            // by store and log
  std::map<std::string, std::string> latest_;  // by store and job: the log
  std::map<std::string, const Record*> appends_;
  std::set<std::string> nodes_;
  std::vector<const Record*> ends_of_daemons_;  // of stores that forget with them
};

bool is_terminal(std::string_view state);

// What names a batch, whoever sends it and how often.
std::string batch_key(const Record& record);

}  // namespace domed::history
