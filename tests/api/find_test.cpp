// Which job somebody means: FindJob, names, and what ListJobs finds by them, on every store of
// ours.
#include <algorithm>

#include "support/harness.h"

namespace domed::test {
namespace {

class Finding : public ::testing::TestWithParam<std::string> {
 protected:
  std::string submit(const std::string& key, Json more = Json::object()) {
    more.update({{"idempotency_key", key}, {"executor", "external"}});
    return kernel.call("SubmitJob", more)["job_id"];
  }
  std::string named(const std::string& key, const std::string& name) {
    return submit(key, {{"name", name}});
  }
  // An id of the test's choice, as only an import can have it.
  void import(const std::string& job_id, const std::string& name = "") {
    const std::string log_id(32, 'a');
    const std::string line = R"({"job_id":")" + job_id +
                             R"(","seq":1,"ts":"2026-01-31T00:00:00.000000Z","type":)"
                             R"("state_change","payload":{"to":"queued"}})";
    const std::string end = R"({"job_id":")" + job_id +
                            R"(","seq":2,"ts":"2026-01-31T00:00:01.000000Z","type":)"
                            R"("state_change","payload":{"from":"queued","to":"canceled",)"
                            R"("reason":"cancel"}})";
    Json record{{"log_id", log_id},
                {"state", "canceled"},
                {"executor", "external"},
                {"submitter", "uid:9@x"}};
    if (!name.empty()) record["name"] = name;
    kernel.call("ImportJob", {{"job_id", job_id}, {"record", record}, {"events", {line, end}}});
  }
  // The id, or the E_ name of the refusal.
  std::string find(const std::string& text) {
    const Json reply = kernel.request("FindJob", {{"text", text}});
    return reply.contains("result") ? reply["result"]["job_id"] : reply["error"]["data"]["error"];
  }
  std::vector<std::string> listed(const Json& params) {
    std::vector<std::string> ids;
    const Json page = kernel.call("ListJobs", params);
    for (const auto& job : page["jobs"]) ids.push_back(job["job_id"]);
    return ids;
  }
  using Ids = std::vector<std::string>;

  Scratch scratch;
  Kernel kernel{GetParam(), scratch.path()};
};

INSTANTIATE_TEST_SUITE_P(Stores, Finding, ::testing::Values("store-memory", "store-sqlite"),
                         [](const auto& param) { return param.param.substr(6); });

TEST_P(Finding, ByIdAndByItsBeginning) {
  const std::string a = submit("a");
  submit("b");
  EXPECT_EQ(a, find(a));
  EXPECT_EQ(a, find(a.substr(0, 12)));
  EXPECT_EQ("E_NOT_FOUND", find(a.substr(0, 3))) << "too short to be meant";
  EXPECT_EQ("E_NOT_FOUND", find(a + "0"));
  EXPECT_EQ("E_NOT_FOUND", find("nothing"));
}

TEST_P(Finding, ABeginningOfSeveralListsThem) {
  for (const char* id : {"build-1", "build-2", "build-20", "other"}) import(id);
  EXPECT_EQ("build-2", find("build-2")) << "a whole id is meant";
  const Json error = kernel.request("FindJob", {{"text", "build"}})["error"];
  EXPECT_EQ("E_AMBIGUOUS", error["data"]["error"]);
  EXPECT_EQ(Json({"build-1", "build-2", "build-20"}), error["data"]["job_ids"]);
  EXPECT_EQ("'build' may be any of 3 jobs: write more of its id: build-1, build-2, build-20",
            error["message"]);
}

TEST_P(Finding, ListsAFewOfMany) {
  for (int i = 10; i < 25; ++i) import("many-" + std::to_string(i));
  const Json error = kernel.request("FindJob", {{"text", "many"}})["error"];
  EXPECT_EQ(10u, error["data"]["job_ids"].size());
  EXPECT_NE(std::string::npos, error["message"].get<std::string>().find("any of more than 10 jobs"))
      << error;
}

TEST_P(Finding, ByNameTheNewest) {
  named("a", "nightly");
  const std::string b = named("b", "nightly");
  EXPECT_EQ(b, find("nightly"));
  EXPECT_EQ("nightly", kernel.call("GetJobStatus", {{"job_id", b}})["name"]);
  const std::string c = named("c", "n");
  EXPECT_EQ(c, find("n")) << "a name may be as short as it likes";
}

// Who cancels the wrong one does not get it back.
TEST_P(Finding, ANameThatBeginsAnIdIsAmbiguous) {
  import("make-17");
  const std::string job = named("a", "make");
  EXPECT_EQ("E_AMBIGUOUS", find("make"));
  EXPECT_EQ("make-17", find("make-"));
  import("make-2", "make-2");
  EXPECT_EQ("make-2", find("make-2"));
}

TEST_P(Finding, TheLastOnesAreOnesOwn) {
  kernel.be("cert:mary", Role::submitter);
  EXPECT_EQ("E_NOT_FOUND", find("@last"));
  const std::string first = submit("a"), second = submit("b");
  kernel.be("cert:john", Role::submitter);
  const std::string other = submit("c");
  EXPECT_EQ(other, find("@last"));
  kernel.be("cert:mary", Role::reader);
  EXPECT_EQ(second, find("@last"));
  EXPECT_EQ(second, find("@last~0"));
  EXPECT_EQ(first, find("@last~1"));
  EXPECT_EQ("E_NOT_FOUND", find("@last~2"));
  for (const char* text : {"@last~", "@last~x", "@last~-1", "@last~1001", "@first", "@"})
    EXPECT_EQ("E_INVALID_REQUEST", find(text)) << text;
}

TEST_P(Finding, OfTheKernelsOwnNothing) {
  EXPECT_EQ("E_NOT_FOUND", find("domed.store"));
  EXPECT_EQ("E_NOT_FOUND", find("domed"));
}

TEST_P(Finding, ADeletedJobByItsWholeIdAlone) {
  const std::string job = named("a", "nightly");
  kernel.call("CancelJob", {{"job_id", job}});
  kernel.call("DeleteJob", {{"job_id", job}});
  EXPECT_EQ(job, find(job)) << "E_GONE is for the method that needs it to tell";
  EXPECT_EQ("E_NOT_FOUND", find(job.substr(0, 8)));
  EXPECT_EQ("E_NOT_FOUND", find("nightly"));
}

TEST_P(Finding, ANameIsOneLineAndNoReference) {
  const auto error = [&](const std::string& name) {
    return kernel.error("SubmitJob",
                        {{"idempotency_key", "k"}, {"executor", "external"}, {"name", name}});
  };
  for (const std::string name : {"@last", "two\nlines", "\x1b[2J", "a\x7f"})
    EXPECT_EQ("E_INVALID_REQUEST", error(name)) << name;
  EXPECT_EQ("E_INVALID_REQUEST", error(std::string(129, 'x')));
  EXPECT_EQ("", error("Grüße 世界"));
}

TEST_P(Finding, ANameIsPartOfTheRequest) {
  const std::string job = named("a", "x");
  EXPECT_EQ(job, named("a", "x"));
  EXPECT_EQ("E_IDEMPOTENCY_KEY_REUSED",
            kernel.error("SubmitJob",
                         {{"idempotency_key", "a"}, {"executor", "external"}, {"name", "y"}}));
}

TEST_P(Finding, ARetryHasItsName) {
  const std::string job = kernel.call("SubmitJob", {{"idempotency_key", "a"},
                                                    {"command", {"true"}},
                                                    {"hold", true},
                                                    {"name", "nightly"}})["job_id"];
  kernel.call("CancelJob", {{"job_id", job}});
  const Json retry = kernel.call("RetryJob", {{"job_id", job}, {"idempotency_key", "r"}});
  EXPECT_EQ("nightly", kernel.call("GetJobStatus", {{"job_id", retry["job_id"]}})["name"]);
}

TEST_P(Finding, ACopyHasItsName) {
  import("copy", "nightly");
  EXPECT_EQ("copy", find("nightly"));
}

TEST_P(Finding, ListsFilterByNameAndTime) {
  const std::string a = named("a", "nightly"), b = named("b", "other"), c = named("c", "nightly");
  EXPECT_EQ((Ids{c, a}), listed({{"name", "nightly"}}));
  EXPECT_EQ(Ids(), listed({{"name", "nightl"}}));
  const std::string made = kernel.call("GetJobStatus", {{"job_id", b}})["created_at"];
  EXPECT_EQ((Ids{b, a}), listed({{"until", made}}));
  EXPECT_EQ((Ids{c, b}), listed({{"since", made}}));
  EXPECT_EQ((Ids{b}), listed({{"since", made}, {"until", made}}));
  EXPECT_EQ("E_INVALID_REQUEST", kernel.error("ListJobs", {{"until", "soon"}}));
}

TEST_P(Finding, ListsGoOnBeforeUntil) {
  Ids made;
  for (int i = 0; i < 6; ++i) made.push_back(submit(std::to_string(i)));
  const std::string until = kernel.call("GetJobStatus", {{"job_id", made[4]}})["created_at"];
  Json params{{"limit", 2}, {"until", until}};
  Ids seen;
  for (;;) {
    const Json page = kernel.call("ListJobs", params);
    for (const auto& job : page["jobs"]) seen.push_back(job["job_id"]);
    if (!page.contains("next_page")) break;
    params["page"] = page["next_page"];
  }
  EXPECT_EQ((Ids{made[4], made[3], made[2], made[1], made[0]}), seen);
}

// A store's query has two tags at most.
TEST_P(Finding, ListsTakeAllFiltersAtOnce) {
  kernel.be("cert:mary", Role::submitter);
  const Json mine{{"name", "n"}, {"labels", {{"k", "v"}}}};
  const std::string job = submit("a", mine);
  submit("b", {{"name", "n"}, {"labels", {{"k", "w"}}}});
  kernel.be("cert:john", Role::submitter);
  submit("c", mine);
  EXPECT_EQ(Ids{job}, listed({{"name", "n"}, {"label", "k=v"}, {"submitter", "cert:mary"}}));
  EXPECT_EQ(
      Ids(),
      listed({{"name", "n"}, {"label", "k=v"}, {"submitter", "cert:mary"}, {"tool_id", "make"}}));
  EXPECT_EQ(Ids(), listed({{"node", "elsewhere"}}));
}

}  // namespace
}  // namespace domed::test
