#include "client/verify.h"

#include <gtest/gtest.h>

namespace domed {
namespace {

const std::string kSomeLog(32, 'c');

// A small log with output, as a daemon would keep it, and its record.
struct Copy {
  Copy() {
    add("state_change", R"({"to":"queued"})");
    add("log", R"({"stream":"stdout","text":"hello"})");
    add("log", R"({"stream":"stdout","b64":"//4=","eol":false})");
    add("state_change", R"({"from":"running","to":"succeeded","streams":{"stdout":{"bytes":8,)"
                        R"("lines":2,"dropped":0,"sha256":")" +
                            sha256_hex("hello\n\xff\xfe") + R"("}}})");
    record = {{"job_id", "j"},        {"log_id", kSomeLog},
              {"first_seq", 1u},      {"head_seq", lines.size()},
              {"state", "succeeded"}, {"base_digest", sha256_hex(kSomeLog)},
              {"digest", digest()}};
  }
  void add(const std::string& type, const std::string& payload) {
    lines.push_back(R"({"job_id":"j","seq":)" + std::to_string(lines.size() + 1) +
                    R"(,"ts":"2026-01-01T00:00:00.000000Z","type":")" + type + R"(","payload":)" +
                    payload + "}");
  }
  std::string digest() const {
    DigestChain chain(kSomeLog);
    for (const auto& line : lines) chain.add(line);
    return to_hex(chain.digest());
  }
  std::string problem() const {
    Verifier verifier(record);
    for (const auto& line : lines) verifier.line(line);
    verifier.finish();
    return verifier.problem().value_or("ok");
  }
  void replace(std::size_t index, const std::string& from, const std::string& to) {
    lines[index].replace(lines[index].find(from), from.size(), to);
  }

  std::vector<std::string> lines;
  Json record;
};

TEST(Verifier, AcceptsAWholeLog) {
  EXPECT_EQ("ok", Copy().problem());
}

TEST(Verifier, AcceptsATrimmedLogFromItsBaseDigest) {
  Copy copy;
  DigestChain chain(kSomeLog);
  chain.add(copy.lines[0]);
  copy.record["base_digest"] = to_hex(chain.digest());
  copy.record["first_seq"] = 2u;
  copy.lines.erase(copy.lines.begin());
  EXPECT_EQ("ok", copy.problem());
}

TEST(Verifier, FindsEveryChangedByte) {
  const std::string good = Copy().lines[1];
  for (std::size_t i = 0; i < good.size(); ++i) {
    Copy copy;
    copy.lines[1][i] ^= 1;
    EXPECT_NE("ok", copy.problem()) << copy.lines[1];
  }
}

TEST(Verifier, FindsMissingRepeatedAndSwappedEvents) {
  Copy missing, last_missing, repeated, swapped;
  missing.lines.erase(missing.lines.begin() + 1);
  last_missing.lines.pop_back();
  repeated.lines.insert(repeated.lines.begin(), repeated.lines.front());
  std::swap(swapped.lines[1], swapped.lines[2]);
  EXPECT_EQ("event 2 has the seq 3", missing.problem());
  EXPECT_EQ("the log ends at event 3, its record says 4", last_missing.problem());
  EXPECT_EQ("event 2 has the seq 1", repeated.problem());
  EXPECT_EQ("event 2 has the seq 3", swapped.problem());
}

TEST(Verifier, FindsAnotherDigestThanTheRecords) {
  Copy copy;
  copy.record["digest"] = std::string(64, '0');
  EXPECT_NE(std::string::npos, copy.problem().find("the record says 0000"));
  copy.record["base_digest"] = std::string(64, '0');
  EXPECT_NE(std::string::npos, copy.problem().find("is not the SHA-256 of log_id"));
}

TEST(Verifier, FindsTotalsThatAreNotThoseOfTheBytes) {
  Copy copy;
  copy.replace(1, "hello", "hullo");
  copy.record["digest"] = copy.digest();
  EXPECT_NE(std::string::npos, copy.problem().find("stdout has the SHA-256")) << copy.problem();
  Copy more;
  more.replace(1, "hello", "hello!");
  more.record["digest"] = more.digest();
  EXPECT_EQ("stdout has 9 bytes, the terminal event says 8", more.problem());
}

TEST(Verifier, FindsEventsAfterTheTerminalOne) {
  Copy copy;
  copy.add("log", R"({"stream":"stdout","text":"late"})");
  copy.record["digest"] = copy.digest();
  copy.record["head_seq"] = 5u;
  EXPECT_EQ("event 5 follows the terminal event", copy.problem());
}

}  // namespace
}  // namespace domed
