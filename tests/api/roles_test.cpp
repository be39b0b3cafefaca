// Who may ask what: the table of docs/protocol.md, method by method, and what is one's own.
#include <map>
#include <set>
#include <thread>

#include "support/harness.h"

namespace domed::test {
namespace {

const std::map<std::string, Role> kTable{{"Health", Role::none},
                                         {"GetMetrics", Role::reader},
                                         {"WhoAmI", Role::none},
                                         {"ListCapabilities", Role::reader},
                                         {"ListTools", Role::reader},
                                         {"GetTool", Role::reader},
                                         {"GetJobStatus", Role::reader},
                                         {"ListJobs", Role::reader},
                                         {"FindJob", Role::reader},
                                         {"SearchJob", Role::reader},
                                         {"StreamJobEvents", Role::reader},
                                         {"AppendJobEvents", Role::producer},
                                         {"SubmitJob", Role::submitter},
                                         {"CancelJob", Role::submitter},
                                         {"HoldJob", Role::submitter},
                                         {"ReleaseJob", Role::submitter},
                                         {"PauseJob", Role::submitter},
                                         {"ResumeJob", Role::submitter},
                                         {"RetryJob", Role::submitter},
                                         {"DeleteJob", Role::submitter},
                                         {"TrimJob", Role::admin},
                                         {"ImportJob", Role::admin},
                                         {"Backup", Role::admin},
                                         {"Reload", Role::admin},
                                         {"ListNodes", Role::admin},
                                         {"DrainNode", Role::admin},
                                         {"UndrainNode", Role::admin},
                                         {"ForgetNode", Role::admin},
                                         {"ApplyCluster", Role::admin},
                                         {"GetCluster", Role::admin}};
constexpr Role kRoles[] = {Role::none, Role::reader, Role::producer, Role::submitter, Role::admin};

class Roles : public testing::Test {
 protected:
  Json refusal(const std::string& method, const Json& params) {
    return kernel.request(method, params).value("error", Json());
  }
  std::string external(const std::string& key) {
    return kernel.call("SubmitJob", {{"idempotency_key", key}, {"executor", "external"}})["job_id"];
  }

  Scratch scratch;
  Kernel kernel{"store-memory", scratch.path()};
};

// Every method there is: one that is not in the table would be nobody's to check.
TEST_F(Roles, TheTableHasAllMethods) {
  const std::string known = refusal("x", {})["message"];
  std::string listed;
  for (const auto& [name, role] : kTable) listed += (listed.empty() ? "" : ", ") + name;
  EXPECT_EQ(known, "unknown method 'x': there are " + listed);
}

TEST_F(Roles, EachMethodIsForItsRoleAndThoseAbove) {
  for (const auto& [method, needs] : kTable)
    for (const Role role : kRoles) {
      kernel.be("cert:x", role);
      const std::string error = kernel.error(method, Json::object());
      EXPECT_EQ(error == "E_FORBIDDEN", role < needs)
          << method << " for " << role_name(role) << ": " << error;
    }
}

TEST_F(Roles, ARefusalNamesIdentityAndRoles) {
  kernel.be("cert:ci", Role::reader);
  const Json error = refusal("CancelJob", {{"job_id", "x"}});
  EXPECT_EQ(error["message"],
            "CancelJob needs the role submitter: you are cert:ci, whose role here is reader "
            "('roles' of the listener in the deployment)");
  EXPECT_EQ(error["data"]["identity"], "cert:ci");
  EXPECT_EQ(error["data"]["role"], "reader");
  EXPECT_EQ(error["data"]["needs"], "submitter");
  EXPECT_EQ(error["data"]["retryable"], false);
}

TEST_F(Roles, WithoutACallerNobodyMayAnything) {
  kernel.peer.caller = nullptr;
  EXPECT_EQ(kernel.error("ListJobs", Json::object()), "E_FORBIDDEN");
  EXPECT_EQ(kernel.call("WhoAmI", Json::object()),
            (Json{{"identity", "anyone"}, {"roles", Json::array()}}));
  const Json health = kernel.call("Health", Json::object());
  for (const auto& key : {"store", "node", "events", "troubles", "frames_lost", "work"})
    EXPECT_FALSE(health.contains(key)) << key;
}

TEST_F(Roles, WhoAmITells) {
  kernel.be("token:builds", Role::producer);
  EXPECT_EQ(kernel.call("WhoAmI", Json::object()),
            (Json{{"identity", "token:builds"}, {"roles", {"reader", "producer"}}}));
}

TEST_F(Roles, ACommandTakesAnOperator) {
  kernel.be("cert:ci", Role::submitter);
  const Json command{{"idempotency_key", "k"}, {"command", {"true"}}};
  EXPECT_EQ(kernel.error("SubmitJob", command), "E_FORBIDDEN");
  EXPECT_EQ(kernel.error("SubmitJob", {{"idempotency_key", "k"}, {"executor", "external"}}), "");
  kernel.be("cert:root", Role::admin);
  EXPECT_EQ(kernel.error("SubmitJob", command), "");
}

// A request that finds the tombstone of its job, which is dropped before it is its turn.
TEST_F(Roles, NoCommandSlipsInWhereAJobIsForgotten) {
  kernel.be("cert:ci", Role::submitter);
  const std::string job = external("k");
  kernel.call("CancelJob", {{"job_id", job}});
  kernel.call("DeleteJob", {{"job_id", job}});
  std::string error;
  std::thread late;
  kernel.journal->run(job, [&](JobLog& log) {
    late = std::thread([&] {
      error = kernel.error("SubmitJob", {{"idempotency_key", "k"}, {"command", {"true"}}});
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    log.drop();
  });
  late.join();
  EXPECT_EQ(error, "E_BUSY");
  EXPECT_EQ(kernel.error("SubmitJob", {{"idempotency_key", "k"}, {"command", {"true"}}}),
            "E_FORBIDDEN");
}

TEST_F(Roles, WhatIsNotOnesOwnTakesAnOperator) {
  kernel.be("cert:mary", Role::submitter);
  const std::string job = external("k");
  EXPECT_EQ(kernel.call("GetJobStatus", {{"job_id", job}})["submitter"], "cert:mary");
  kernel.be("cert:john", Role::submitter);
  for (const auto* method :
       {"CancelJob", "HoldJob", "ReleaseJob", "PauseJob", "ResumeJob", "DeleteJob"})
    EXPECT_EQ(kernel.error(method, {{"job_id", job}}), "E_FORBIDDEN") << method;
  EXPECT_EQ(kernel.error("RetryJob", {{"job_id", job}, {"idempotency_key", "r"}}), "E_FORBIDDEN");
  EXPECT_EQ(refusal("CancelJob", {{"job_id", job}})["message"],
            "changing job '" + job +
                "', which was submitted by cert:mary, needs the role operator: "
                "you are cert:john, whose role here is submitter ('roles' of the listener in the "
                "deployment)");
  // What is not there comes first.
  EXPECT_EQ(kernel.error("CancelJob", {{"job_id", "none"}}), "E_NOT_FOUND");
  kernel.be("cert:mary", Role::submitter);
  EXPECT_EQ(kernel.error("CancelJob", {{"job_id", job}}), "");
  EXPECT_EQ(kernel.error("DeleteJob", {{"job_id", job}}), "");
  EXPECT_EQ(kernel.error("DeleteJob", {{"job_id", job}}), "") << "its reply may have been lost";
  kernel.be("cert:john", Role::submitter);
  EXPECT_EQ(kernel.error("DeleteJob", {{"job_id", job}}), "E_FORBIDDEN") << "what is left of it";
  EXPECT_EQ(kernel.error("CancelJob", {{"job_id", job}}), "E_GONE");
  kernel.be("cert:mary", Role::submitter);
  EXPECT_EQ(kernel.error("CancelJob", {{"job_id", job}}), "E_GONE");
}

TEST_F(Roles, AnOperatorChangesAll) {
  kernel.be("cert:mary", Role::submitter);
  const std::string job = external("k");
  kernel.be("cert:root", Role::admin);
  EXPECT_EQ(kernel.error("CancelJob", {{"job_id", job}}), "");
  EXPECT_EQ(kernel.error("DeleteJob", {{"job_id", job}}), "");
}

TEST_F(Roles, NobodySquatsAnothersKeys) {
  const std::string own = external("k");
  EXPECT_EQ(own, derive_job_id("", "", "k")) << "of the daemon's user: as it always was";
  kernel.be("cert:mary", Role::submitter);
  const std::string marys = external("k");
  kernel.be("cert:john", Role::submitter);
  const std::string johns = external("k");
  EXPECT_NE(marys, own);
  EXPECT_NE(johns, marys);
  EXPECT_EQ(external("k"), johns);
}

// A request of one submitter's is no other's, whatever the fields that make the id are.
TEST_F(Roles, IdsOfSubmittersNeverMeet) {
  EXPECT_NE(derive_job_id("a", "b", "c"), derive_job_id("", "a", "b"));
  EXPECT_NE(derive_job_id("a", "b", "c"), derive_job_id("b", "c", "a"));
}

TEST_F(Roles, AProducersTokenIsItsSubmittersAlone) {
  const Json request{{"idempotency_key", "k"}, {"executor", "external"}};
  kernel.be("cert:mary", Role::submitter);
  const Json made = kernel.call("SubmitJob", request), again = kernel.call("SubmitJob", request);
  EXPECT_TRUE(again["replayed"]);
  EXPECT_EQ(again["producer_token"], made["producer_token"]);
}

// As a release before this one left it: the plain id, and no submitter.
TEST_F(Roles, AKeyFromBeforeFindsItsJob) {
  const Json request{{"idempotency_key", "old"}, {"executor", "external"}};
  const std::string id = derive_job_id("", "", "old");
  kernel.journal->run(id, [&](JobLog& log) {
    Submission before;
    before.fixed.job_id = id;
    before.fixed.run_id = "r";
    before.fixed.idempotency_key = "old";
    before.fixed.request = {{"executor", "external"}};
    before.request_hash = sha256_hex(canonical_json(before.fixed.request));
    before.token = "t";
    log.create(before);
  });
  kernel.be("cert:mary", Role::submitter);
  const Json found = kernel.call("SubmitJob", request);
  EXPECT_EQ(found["job_id"], id);
  EXPECT_TRUE(found["replayed"]);
  EXPECT_FALSE(found.contains("producer_token")) << "whose it was is not known";
  EXPECT_EQ(kernel.error("CancelJob", {{"job_id", id}}), "E_FORBIDDEN");
  EXPECT_FALSE(kernel.call("GetJobStatus", {{"job_id", id}}).contains("submitter"));
  kernel.be("uid:0@node", Role::admin);
  EXPECT_TRUE(kernel.call("SubmitJob", request).contains("producer_token"));
  EXPECT_EQ(kernel.error("CancelJob", {{"job_id", id}}), "");
}

// It is somebody else's: to find it by the same key would be to be told of it.
TEST_F(Roles, AKeyOfTheDaemonsUserIsNotFromBefore) {
  const std::string own = external("k");
  kernel.be("cert:mary", Role::submitter);
  EXPECT_NE(external("k"), own);
}

TEST_F(Roles, ARetryIsItsPredecessors) {
  kernel.be("cert:mary", Role::admin);
  const std::string job = kernel.call(
      "SubmitJob", {{"idempotency_key", "k"}, {"command", {"true"}}, {"hold", true}})["job_id"];
  kernel.call("CancelJob", {{"job_id", job}});
  kernel.be("cert:root", Role::admin);
  const std::string retry =
      kernel.call("RetryJob", {{"job_id", job}, {"idempotency_key", "r"}})["job_id"];
  EXPECT_EQ(kernel.call("GetJobStatus", {{"job_id", retry}})["submitter"], "cert:mary");
  kernel.be("cert:mary", Role::submitter);
  EXPECT_EQ(kernel.error("RetryJob", {{"job_id", job}, {"idempotency_key", "q"}}), "E_FORBIDDEN")
      << "she may run commands no more";
}

// What they held while they might run commands starts by nobody's word but an operator's.
TEST_F(Roles, AHeldCommandIsLetGoByWhoMayRunIt) {
  kernel.be("cert:mary", Role::admin);
  const Json made =
      kernel.call("SubmitJob", {{"idempotency_key", "k"}, {"command", {"true"}}, {"hold", true}});
  const Json command{{"job_id", made["job_id"]}};
  kernel.becomes(Role::submitter);
  EXPECT_EQ(refusal("ReleaseJob", command)["message"],
            "running a command, and not a tool of the deployment, needs the role operator: you are "
            "cert:mary, whose role here is submitter ('roles' of the listener in the deployment)");
  EXPECT_EQ(kernel.error("ResumeJob", command), "E_FORBIDDEN") << "it would go on";
  EXPECT_EQ(kernel.error("HoldJob", command), "");
  EXPECT_EQ(kernel.error("ReleaseJob", {{"job_id", "none"}}), "E_NOT_FOUND");
  kernel.becomes(Role::admin);
  EXPECT_EQ(kernel.error("ReleaseJob", command), "");
}

// Its lineage is shown to whoever looks at either.
TEST_F(Roles, ARetryByAnyNameIsOfOnesOwn) {
  kernel.be("cert:mary", Role::submitter);
  const std::string job = external("k");
  const auto error = [&](const std::string& of) {
    return kernel.error("SubmitJob",
                        {{"idempotency_key", "r"}, {"executor", "external"}, {"retry_of", of}});
  };
  EXPECT_EQ(error("none"), "E_NOT_FOUND");
  kernel.be("cert:john", Role::submitter);
  EXPECT_EQ(error(job), "E_FORBIDDEN");
  kernel.be("cert:root", Role::admin);
  EXPECT_EQ(error(job), "");
  kernel.be("cert:mary", Role::submitter);
  EXPECT_EQ(error(job), "");
  kernel.call("CancelJob", {{"job_id", job}});
  kernel.call("DeleteJob", {{"job_id", job}});
  EXPECT_EQ(error(job), "") << "again, it finds its job";
}

TEST_F(Roles, JobsAreListedBySubmitter) {
  external("a");
  kernel.be("cert:mary", Role::submitter);
  const std::string marys = external("b");
  const Json jobs = kernel.call("ListJobs", {{"submitter", "cert:mary"}})["jobs"];
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0]["job_id"], marys);
  EXPECT_EQ(jobs[0]["submitter"], "cert:mary");
}

TEST_F(Roles, ProvenanceHasTheSubmitter) {
  kernel.be("cert:mary", Role::submitter);
  const Json job = kernel.running_job("k");
  EXPECT_EQ(kernel.call("GetJobStatus", {{"job_id", job["job_id"]}})["provenance"]["submitter"],
            "cert:mary");
}

// A producer that may not run commands here learns nothing of the daemon's directories.
TEST_F(Roles, ADirectoryIsLookedAtForOperatorsOnly) {
  kernel.be("cert:mary", Role::submitter);
  const Json made =
      kernel.call("SubmitJob", {{"idempotency_key", "k"}, {"executor", "external"}, {"cwd", "/"}});
  kernel.append(made, 1, change_to("running"));
  const Json found = kernel.call("GetJobStatus", {{"job_id", made["job_id"]}})["provenance"];
  EXPECT_EQ(found["repo"], "unknown");
}

class Audited : public Roles {
 protected:
  // The lines of all that was asked so far; an answer is told before it goes out.
  std::vector<OrderedJson> lines() { return kernel.audited; }
};

TEST_F(Audited, ChangesAndRefusalsAreTold) {
  kernel.be("cert:mary", Role::submitter);
  const std::string job = external("k");
  kernel.call("GetJobStatus", {{"job_id", job}});
  kernel.error("TrimJob", {{"job_id", job}});
  kernel.be("cert:john", Role::submitter);
  kernel.error("CancelJob", {{"job_id", job}});
  ASSERT_EQ(lines().size(), 3u);
  EXPECT_EQ(lines()[0], (OrderedJson{{"who", "cert:mary"},
                                     {"role", "submitter"},
                                     {"method", "SubmitJob"},
                                     {"job_id", job},
                                     {"outcome", "ok"}}));
  EXPECT_EQ(lines()[1]["method"], "TrimJob");
  EXPECT_EQ(lines()[1]["outcome"], "E_FORBIDDEN");
  EXPECT_EQ(lines()[2]["who"], "cert:john");
  EXPECT_EQ(lines()[2]["job_id"], job);
  EXPECT_EQ(lines()[2]["outcome"], "E_FORBIDDEN");
}

TEST_F(Audited, AppendsAreToldOnceForEachProducerAndJob) {
  const Json job = kernel.running_job("k");  // one of "starter"
  for (int batch = 1; batch <= 3; ++batch) kernel.append(job, batch, log_event("x"));
  kernel.append(job, 1, log_event("x"));  // again
  std::size_t appends = 0;
  for (const auto& line : lines()) appends += line["method"] == "AppendJobEvents";
  EXPECT_EQ(appends, 2u);
  Json wrong = job;
  wrong["producer_token"] = "guessed";
  kernel.append(wrong, 9, log_event("x"));
  EXPECT_EQ(lines().back()["outcome"], "E_UNAUTHORIZED");
}

// Whatever is wrong with a request that was to change something: what stands in it, or how.
TEST_F(Audited, WhatCannotBeReadIsTold) {
  kernel.be("cert:mary", Role::admin);
  std::size_t before = lines().size();
  for (const auto& [method, needs] : kTable) {
    const bool changes = needs >= Role::producer && method != "ListNodes" && method != "GetCluster";
    kernel.raw(R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":[1]})");
    ASSERT_EQ(lines().size(), before += changes) << method;
    if (!changes) continue;
    EXPECT_EQ(lines().back()["who"], "cert:mary");
    EXPECT_EQ(lines().back()["method"], method);
    EXPECT_EQ(lines().back()["outcome"], "E_INVALID_REQUEST");
  }
}

// By its method where that can be read; what is no request at all may have been to change
// something.
TEST_F(Audited, WhatIsNotWellFormedIsTold) {
  kernel.be("cert:mary", Role::submitter);
  const auto told = [&](const std::string& bytes) {
    const std::size_t before = lines().size();
    kernel.raw(bytes);
    return lines().size() == before ? OrderedJson::object() : lines().back();
  };
  const std::string params = R"("method":"CancelJob","params":{"job_id":"j"})";
  const std::string good = R"("jsonrpc":"2.0","id":1,)";
  for (const auto& envelope :
       {good + R"("more":1,)", good + R"("token":1,)", std::string(R"("jsonrpc":"2.0",)"),
        std::string(R"("jsonrpc":"1.0","id":1,)")}) {
    const OrderedJson line = told("{" + envelope + params + "}");
    EXPECT_EQ(line.value("who", ""), "cert:mary") << envelope;
    EXPECT_EQ(line.value("method", ""), "CancelJob") << envelope;
    EXPECT_EQ(line.value("job_id", ""), "j") << envelope;
    EXPECT_EQ(line.value("outcome", ""), "E_INVALID_REQUEST") << envelope;
  }
  const auto cancel = [&](const std::string& reason) {
    return "{" + good + R"("method":"CancelJob","params":{"job_id":"j","reason":)" + reason + "}}";
  };
  for (const auto& bytes :
       {cancel(R"("a","reason":"b")"), cancel("01"), cancel(R"("\ud800")"), cancel("1e999"),
        cancel(std::string(70, '[') + std::string(70, ']')), cancel(std::string(70'000, 'x')),
        std::string("{" + good + R"("method":7})"), std::string("[]"), std::string()}) {
    const OrderedJson line = told(bytes);
    EXPECT_EQ(line.value("who", ""), "cert:mary") << bytes.substr(0, 100);
    EXPECT_EQ(line.value("outcome", ""), "E_INVALID_REQUEST") << bytes.substr(0, 100);
    EXPECT_FALSE(line.contains("method")) << line;
  }
  EXPECT_EQ(told(cancel('"' + std::string(1 << 20, 'x') + '"')).value("outcome", ""),
            "E_TOO_LARGE");
  for (const auto* method : {"Health", "NoSuch"})
    EXPECT_TRUE(told("{" + good + R"("more":1,"method":")" + method + "\"}").empty()) << method;
}

TEST_F(Audited, RefusedAppendsAreTold) {
  const Json job = kernel.running_job("k");
  const auto told = [&] { return lines().back().value("outcome", ""); };
  kernel.append(job, 1, change_to("running"));
  EXPECT_EQ(told(), "E_INVALID_TRANSITION");
  kernel.append(job, 1, change_to("succeeded"));
  EXPECT_EQ(told(), "ok");
  kernel.append(job, 2, log_event("late"));
  EXPECT_EQ(told(), "E_SEALED");
  EXPECT_EQ(lines().back()["job_id"], job["job_id"].get<std::string>());
  kernel.error("AppendJobEvents", {{"job_id", job["job_id"]}, {"nonsense", 1}});
  EXPECT_EQ(told(), "E_INVALID_REQUEST");
  EXPECT_EQ(lines().back().value("job_id", ""), job["job_id"].get<std::string>());
  Json none = job;
  none["job_id"] = "none";
  kernel.append(none, 1, log_event("x"));
  EXPECT_EQ(told(), "E_NOT_FOUND");
}

// A job id may be any string; whatever it holds, a line stays a line.
TEST_F(Audited, NothingForgesALine) {
  const std::string evil =
      "x\n2026-01-01T00:00:00Z info audit {\"who\":\"root\"}\x1b[2J\xe2\x80\xa8";
  kernel.error("CancelJob", {{"job_id", evil}});
  ASSERT_FALSE(lines().empty());
  const std::string text = lines().back().dump(-1, ' ', true);
  for (const char c : text) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << static_cast<int>(c);
  EXPECT_EQ(lines().back()["job_id"], evil);
}

TEST_F(Audited, AnIdThatHasANulIsShownWhole) {
  const std::string evil("a\0b", 3);
  EXPECT_EQ(refusal("CancelJob", {{"job_id", evil}})["message"],
            "no job 'a\\x00b': 'domectl list' shows the jobs there are");
  EXPECT_EQ(lines().back()["job_id"], evil);
  EXPECT_EQ(lines().back()["message"], "no job 'a\\x00b': 'domectl list' shows the jobs there are");
}

// What a line says comes of how the request was answered; nothing that the client chooses, such as
// the length of the id that a reply repeats, has a part in it.
TEST_F(Audited, AnIdOfAnyLengthHidesNoRefusal) {
  kernel.be("cert:mary", Role::submitter);
  const std::string job = external("k");
  kernel.be("cert:john", Role::submitter);
  const Json request = {{"jsonrpc", "2.0"},
                        {"id", std::string(70'000, 'x')},
                        {"method", "CancelJob"},
                        {"params", {{"job_id", job}}}};
  EXPECT_EQ(Json::parse(kernel.raw(request.dump()))["error"]["data"]["error"], "E_FORBIDDEN");
  EXPECT_EQ(lines().back()["method"], "CancelJob");
  EXPECT_EQ(lines().back()["outcome"], "E_FORBIDDEN");
}

TEST_F(Audited, EachOfSeveralLikeChangesIsTold) {
  const std::string job = kernel.call(
      "SubmitJob", {{"idempotency_key", "k"}, {"command", {"true"}}, {"cwd", "/"}})["job_id"];
  kernel.call("CancelJob", {{"job_id", job}});
  std::set<std::string> made;
  const std::size_t before = lines().size();
  for (const auto* key : {"a", "b", "c"})
    made.insert(kernel.call("RetryJob", {{"job_id", job}, {"idempotency_key", key}})["job_id"]);
  ASSERT_EQ(lines().size(), before + 3);
  std::set<std::string> told;
  for (std::size_t i = before; i < lines().size(); ++i) {
    EXPECT_EQ(lines()[i]["job_id"], job);
    told.insert(lines()[i]["new_job_id"]);
  }
  EXPECT_EQ(told, made);
}

// What strangers do must not hide what somebody tries who has a role.
TEST_F(Audited, NoFloodHidesWhatOthersDo) {
  for (int i = 0; i < 80; ++i) {
    kernel.be("an unknown or expired token " + std::to_string(i), Role::none);
    kernel.error("CancelJob", Json::object());
  }
  const std::size_t before = lines().size();
  EXPECT_LE(before, 40u) << "strangers share their bound";
  kernel.be("cert:mary", Role::submitter);
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(kernel.error("CancelJob", {{"job_id", "none"}}), "E_NOT_FOUND");
    EXPECT_EQ(kernel.error("TrimJob", Json::object()), "E_FORBIDDEN");
  }
  std::map<std::string, int> told;
  for (std::size_t i = before; i < lines().size(); ++i) ++told[lines()[i].value("outcome", "")];
  EXPECT_GE(told["E_NOT_FOUND"], 20);
  EXPECT_GE(told["E_FORBIDDEN"], 20) << "of a kind of its own";
}

TEST_F(Audited, AFloodOfRefusalsIsBounded) {
  kernel.be("cert:x", Role::reader);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 500; ++i)
    for (const auto* method : {"CancelJob", "DeleteJob"}) kernel.error(method, Json::object());
  const auto seconds =
      std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_LE(lines().size(), static_cast<std::size_t>(20 * (seconds + 1)));
  EXPECT_GE(lines().size(), 20u);
}

}  // namespace
}  // namespace domed::test
