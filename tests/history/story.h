#pragma once

#include <set>
#include <sstream>
#include <string>

#include "clause.h"
#include "recorder.h"

namespace domed::history {

// A history made by hand, with a clock that ticks once a second.  What is not
// given is what a daemon in order would have said.
class Story {
 public:
  explicit Story(const std::string& store = "store-sqlite",
                 const std::string& durability = "power");

  static constexpr const char* kLog = "00112233445566778899aabbccddeeff";
  static constexpr const char* kOtherLog = "ffeeddccbbaa99887766554433221100";

  // The job "job" with log kLog: queued, provenance, running, two lines, succeeded.
  static std::string line(std::uint64_t seq);
  static std::string log_line(std::uint64_t seq, const std::string& text);
  static std::string change(std::uint64_t seq, const std::string& from, const std::string& to);
  static std::string provenance(std::uint64_t seq);
  static std::string held(std::uint64_t seq);
  // To "node"; empty: it is taken back.
  static std::string assigned(std::uint64_t seq, const std::string& node = "n");
  static std::string digest(std::uint64_t seq);

  Story& submitted(const std::string& log = kLog, const std::string& request = "r",
                   const std::string& job = "job", bool replayed = false);
  Story& append(std::uint64_t batch, const std::string& events);
  Story& appended(std::uint64_t batch, std::uint64_t first, std::uint64_t head,
                  const std::string& state = "running");
  Story& follow(const std::string& who, std::uint64_t since = 0, bool tail = true,
                const std::string& log = "");
  // Events "from" to "to" of the job.
  Story& events(const std::string& who, std::uint64_t from, std::uint64_t to);
  Story& event(const std::string& who, std::uint64_t seq, const std::string& line,
               const std::string& log = kLog);
  Story& end(const std::string& who, const std::string& end, std::uint64_t cursor,
             const std::string& error = "");
  Story& status(std::uint64_t head, const std::string& state, const std::string& digest = "");
  Story& write(const std::string& who, const std::string& what, const OrderedJson& fields);
  // Moves the clock on.
  Story& wait(int seconds);

  std::string text() const { return out_.str(); }

 private:
  std::int64_t now_ = 0;
  std::ostringstream out_;
  Recorder recorder_;
};

// The names of the clauses that the stories, taken together, break.
std::set<std::string> broken(const std::vector<const Story*>& stories);
inline std::set<std::string> broken(const Story& story) {
  return broken({&story});
}

}  // namespace domed::history
