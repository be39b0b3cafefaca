// SearchJob, on every store of ours.
#include <algorithm>
#include <future>
#include <thread>

#include "support/faulty_store.h"
#include "support/harness.h"

namespace domed::test {
namespace {

class Searching : public ::testing::TestWithParam<std::string> {
 protected:
  Searching() { job = kernel.running_job("a"); }
  // Lines of output; the first one is event 4.
  void write(const std::vector<std::string>& lines) {
    Json events = Json::array();
    for (const auto& line : lines) events.push_back(log_event(line));
    append(events);
  }
  void append(const Json& events) {
    const Json reply = kernel.append(job, ++batch_, events);
    ASSERT_TRUE(reply.contains("result")) << reply;
  }
  Json params(Json more) const {
    more["job_id"] = job["job_id"];
    return more;
  }
  Json search(const Json& more) { return kernel.call("SearchJob", params(more)); }
  std::string error(const Json& more) { return kernel.error("SearchJob", params(more)); }
  std::string message(const Json& more) {
    return kernel.request("SearchJob", params(more))["error"]["message"];
  }
  std::vector<std::uint64_t> matches(const Json& more) { return search(more)["matches"]; }
  static std::vector<std::uint64_t> seqs(const Json& result) {
    std::vector<std::uint64_t> out;
    for (const auto& event : result["events"]) out.push_back(event["seq"]);
    return out;
  }
  using Seqs = std::vector<std::uint64_t>;

  Scratch scratch;
  Kernel kernel{GetParam(), scratch.path()};
  Json job;

 private:
  int batch_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Stores, Searching, ::testing::Values("store-memory", "store-sqlite"),
                         [](const auto& param) { return param.param.substr(6); });

TEST_P(Searching, ByLiteralAndByPattern) {
  write({"error: a", "all is well", "Error: b", "an error."});
  EXPECT_EQ((Seqs{4, 7}), matches({{"literal", "error"}}));
  EXPECT_EQ((Seqs{4, 6, 7}), matches({{"pattern", "(?i)error"}}));
  EXPECT_EQ((Seqs{4, 6}), matches({{"pattern", "^(?i)error: .$"}}));
  EXPECT_EQ(Seqs{7}, matches({{"literal", "."}})) << "a literal is no pattern";
  const Json result = search({{"literal", "error"}});
  EXPECT_EQ("error: a", result["events"][0]["payload"]["text"]);
  EXPECT_EQ(job["log_id"], result["log_id"]);
  EXPECT_EQ(7, result["looked_to"]);
  EXPECT_EQ(false, result["more"]);
}

// What is sought are the bytes that were written, however the event holds them.
TEST_P(Searching, InTheDecodedText) {
  append({log_event("say \"hi\"\tnow"),
          log_event("back\\slash"),
          log_event("Gr\u00fc\u00dfe"),
          {{"type", "log"}, {"payload", {{"stream", "stdout"}, {"b64", "/2hlbGxv"}}}},
          log_event("cut", false)});
  EXPECT_EQ(Seqs{4}, matches({{"literal", "\"hi\"\tnow"}}));
  EXPECT_EQ(Seqs{5}, matches({{"literal", "k\\s"}}));
  EXPECT_EQ(Seqs{6}, matches({{"pattern", "^Gr.\u00dfe$"}}));
  EXPECT_EQ(Seqs{7}, matches({{"literal", "hello"}}));
  EXPECT_EQ(Seqs{8}, matches({{"literal", "cut"}}));
  // As a producer may write it that escapes more than it must.
  kernel.raw(R"({"jsonrpc":"2.0","id":1,"method":"AppendJobEvents","params":{"job_id":")" +
             job["job_id"].get<std::string>() + R"(","producer_id":"q","producer_token":")" +
             job["producer_token"].get<std::string>() +
             R"(","batch":1,"events":[{"type":"log","payload":{"text":"\u0068idden",)"
             R"("stream":"stdout"}}]}})");
  EXPECT_EQ(Seqs{9}, matches({{"literal", "hidden"}}));
}

TEST_P(Searching, InOutputAlone) {
  append({{{"type", "progress"}, {"payload", {{"value", 0.5}, {"message", "needle"}}}},
          {{"type", "x-other"}, {"payload", {{"stream", "stdout"}, {"text", "needle"}}}},
          log_event("needle")});
  EXPECT_EQ(Seqs{6}, matches({{"literal", "needle"}}));
  EXPECT_EQ(Seqs(), matches({{"literal", "stdout"}})) << "that is its stream";
  EXPECT_EQ(Seqs(), matches({{"literal", "payload"}}));
}

TEST_P(Searching, BetweenTwoEvents) {
  write({"a", "a", "a", "a"});
  EXPECT_EQ((Seqs{6, 7}), matches({{"literal", "a"}, {"since_seq", 5}}));
  const Json some = search({{"literal", "a"}, {"since_seq", 4}, {"until_seq", 6}});
  EXPECT_EQ((Seqs{5, 6}), Seqs(some["matches"]));
  EXPECT_EQ(false, some["more"]) << "not of what was asked for";
  EXPECT_EQ(Seqs(), matches({{"literal", "a"}, {"since_seq", 7}}));
}

TEST_P(Searching, GoesOnWhereItEnded) {
  write({"a1", "b", "a2", "a3", "b", "a4"});
  Json params{{"literal", "a"}, {"limit", 2}};
  Seqs found;
  for (int requests = 0; requests < 10; ++requests) {
    const Json page = search(params);
    for (const auto& seq : page["matches"]) found.push_back(seq);
    EXPECT_GE(2u, page["matches"].size());
    if (page["more"] == false) break;
    params["since_seq"] = page["looked_to"], params["log_id"] = page["log_id"];
  }
  EXPECT_EQ((Seqs{4, 6, 7, 9}), found);
}

TEST_P(Searching, WithTheLinesAround) {
  write({"1", "2", "needle", "4", "5", "6", "7", "needle"});
  EXPECT_EQ((Seqs{5, 6, 7, 10, 11}), seqs(search({{"literal", "needle"}, {"context", 1}})));
  EXPECT_EQ((Seqs{4, 5, 6, 7, 8, 9, 10, 11}), seqs(search({{"literal", "needle"}, {"context", 2}})))
      << "each once";
  EXPECT_EQ((Seqs{5, 6, 7}),
            seqs(search({{"literal", "needle"}, {"context", 1}, {"since_seq", 5}, {"limit", 1}})))
      << "also what stands before since_seq";
}

TEST_P(Searching, OfATrimmedLog) {
  write({"a", "b", "a"});
  kernel.call("TrimJob", {{"job_id", job["job_id"]}, {"keep_from_seq", 5}});
  const Json result = search({{"literal", "a"}});
  EXPECT_EQ(Seqs{6}, Seqs(result["matches"]));
  EXPECT_EQ(5, result["first_seq"]);
  EXPECT_EQ("E_COMPACTED", error({{"literal", "a"}, {"since_seq", 0}}));
  EXPECT_EQ("", error({{"literal", "a"}, {"since_seq", 4}}));
}

TEST_P(Searching, RefusesInTheOrderOfTheProtocol) {
  EXPECT_EQ("E_INVALID_REQUEST", error(Json::object()));
  EXPECT_EQ("E_INVALID_REQUEST", error({{"literal", "a"}, {"pattern", "a"}}));
  EXPECT_EQ("E_INVALID_REQUEST", error({{"literal", ""}}));
  EXPECT_EQ("E_INVALID_REQUEST", error({{"literal", "a"}, {"limit", 1001}}));
  EXPECT_EQ("E_NOT_FOUND", kernel.error("SearchJob", {{"job_id", "none"}, {"literal", "a"}}));
  EXPECT_EQ("E_LOG_CHANGED", error({{"literal", "a"}, {"log_id", "x"}, {"since_seq", 99}}));
  EXPECT_EQ("E_CURSOR_AHEAD", error({{"literal", "a"}, {"since_seq", 99}}));
  append({change_to("succeeded")});
  kernel.call("DeleteJob", {{"job_id", job["job_id"]}});
  EXPECT_EQ("E_GONE", error({{"literal", "a"}}));
}

TEST_P(Searching, HostilePatternsAreRefusedInWords) {
  EXPECT_EQ("'pattern': '(a' is no regular expression of RE2: missing ): (a",
            message({{"pattern", "(a"}}));
  EXPECT_EQ("E_INVALID_REQUEST", error({{"pattern", "(a)\\1"}})) << "no back-references";
  EXPECT_NE(std::string::npos, message({{"pattern", "((a{30}){30}){30}"}}).find("RE2"));
  EXPECT_NE(std::string::npos, message({{"pattern", "([a-z]?[0-9]?){900}"}}).find("too much work"));
  EXPECT_NE(std::string::npos,
            message({{"pattern", std::string(1025, 'a')}}).find("longer than 1024 bytes"));
}

// What makes others take time that doubles with each character takes none here.
TEST_P(Searching, ANastyPatternIsQuick) {
  write({std::string(20'000, 'a')});
  EXPECT_EQ(Seqs(), matches({{"pattern", "^(a+)+$b"}}));
  EXPECT_EQ(Seqs(), matches({{"pattern", "(x+x+)+y"}}));
}

// A search that waits for the store keeps two threads of its own, and nobody else.
TEST(SearchingMany, OthersAreNotHeldUp) {
  const Scratch scratch;
  auto faulty = std::make_unique<FaultyStore>(open_store("store-memory", scratch.path()));
  FaultyStore& store = *faulty;
  Kernel kernel("store-memory", scratch.path(), std::move(faulty));
  const Json job = kernel.running_job("a");
  std::promise<void> open;
  store.read_gate = open.get_future().share();
  std::vector<std::future<std::string>> searches;
  for (int i = 0; i < 80; ++i)
    searches.push_back(std::async(std::launch::async, [&] {
      return kernel.error("SearchJob", {{"job_id", job["job_id"]}, {"literal", "a"}});
    }));
  EXPECT_EQ("", kernel.error("GetJobStatus", {{"job_id", job["job_id"]}}));
  EXPECT_EQ("", kernel.error("ListJobs", Json::object()));
  // Those beyond their share are answered while the others wait.
  const auto answered = [&] {
    return std::count_if(searches.begin(), searches.end(), [](const auto& one) {
      return one.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    });
  };
  while (answered() < 48) std::this_thread::yield();
  // Another one's is left.
  kernel.be("token:x", Role::reader);
  auto other = std::async(std::launch::async, [&] {
    return kernel.error("SearchJob", {{"job_id", job["job_id"]}, {"literal", "a"}});
  });
  open.set_value();
  EXPECT_EQ("", other.get());
  int refused = 0;
  for (auto& one : searches) refused += one.get() == "E_BUSY";
  EXPECT_EQ(48, refused);
}

}  // namespace
}  // namespace domed::test
