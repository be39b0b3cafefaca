#include <gtest/gtest.h>

#include "log/request_hash.h"
#include "log/token.h"
#include "support/harness.h"

namespace domed::test {
namespace {

class Secrets : public testing::Test {
 protected:
  Json request(const std::string& key, const Json& more = Json::object()) {
    Json out{{"idempotency_key", key}, {"executor", "external"}};
    out.update(more);
    return out;
  }
  Json append(const Json& job, const Json& events, int batch = 1) {
    return {{"job_id", job["job_id"]},
            {"producer_id", "p"},
            {"producer_token", job["producer_token"]},
            {"batch", batch},
            {"events", events}};
  }
  Json running() { return {{"type", "state_change"}, {"payload", {{"to", "running"}}}}; }
  Json status(const Json& job) { return kernel.call("GetJobStatus", {{"job_id", job["job_id"]}}); }
  std::string log(const Json& job) {
    return kernel.call("StreamJobEvents", {{"job_id", job["job_id"]}})["events"].dump();
  }

  Scratch scratch;
  Kernel kernel{"store-memory", scratch.path()};
};

TEST_F(Secrets, WhatAJobAppendsIsMaskedAndCounted) {
  const Json job =
      kernel.call("SubmitJob", request("k", {{"secret_env", {{"PASSWORD", "hunter22"}}}}));
  const std::string token = job["producer_token"];
  kernel.call("AppendJobEvents",
              append(job, {running(),
                           {{"type", "log"},
                            {"payload", {{"stream", "stdout"}, {"text", "with hunter22"}}}},
                           {{"type", "x-mine"}, {"payload", {{"a", {token, job_token(token)}}}}},
                           {{"type", "state_change"},
                            {"payload", {{"to", "failed"}, {"message", "no hunter22"}}}}}));
  const std::string all = log(job) + status(job).dump() + kernel.call("ListJobs", {}).dump();
  for (const auto& secret : {std::string("hunter22"), token, job_token(token)})
    EXPECT_EQ(std::string::npos, all.find(secret)) << all;
  const Json shown = status(job);
  EXPECT_EQ(Json({"PASSWORD"}), shown["secret_env"]);
  EXPECT_EQ("no ***", shown["message"]);
  EXPECT_EQ(4, shown["masked"]);
  EXPECT_NE(std::string::npos, log(job).find("\"masked\":4")) << log(job);
  EXPECT_EQ(Json(sha256_hex("with ***\n")), shown["streams"]["stdout"]["sha256"]);
  EXPECT_EQ(9, shown["streams"]["stdout"]["bytes"]);
}

TEST_F(Secrets, ARepeatedBatchIsTheOneThatItWas) {
  const Json job =
      kernel.call("SubmitJob", request("k", {{"secret_env", {{"PASSWORD", "hunter22"}}}}));
  const Json batch =
      append(job, {running(), {{"type", "x-mine"}, {"payload", {{"a", "hunter22"}}}}});
  kernel.call("AppendJobEvents", batch);
  EXPECT_TRUE(kernel.call("AppendJobEvents", batch)["replayed"]);
}

TEST_F(Secrets, WhatCannotBeMaskedIsRefusedAndNothingIsKept) {
  const Json job =
      kernel.call("SubmitJob", request("k", {{"secret_env", {{"PASSWORD", "hunter22"}}}}));
  EXPECT_EQ("E_INVALID_REQUEST",
            kernel.error(
                "AppendJobEvents",
                append(job, {running(), {{"type", "x-hunter22"}, {"payload", Json::object()}}})));
  Json named = append(job, {running()});
  named["producer_id"] = "hunter22";
  EXPECT_EQ("E_INVALID_REQUEST", kernel.error("AppendJobEvents", named));
  EXPECT_EQ("queued", status(job)["state"]);
}

TEST_F(Secrets, RequestsAreHeldToTheirForm) {
  const auto refused = [&](const Json& more) {
    return kernel.request("SubmitJob", request("k", more))["error"].value("message", "");
  };
  EXPECT_NE("", refused({{"secret_env", {{"A", "short"}}}}));
  EXPECT_NE("", refused({{"secret_env", {{"A", 1234567}}}}));
  EXPECT_NE("", refused({{"secret_env", {{"DOMED_A", "long enough"}}}}));
  EXPECT_NE("", refused({{"secret_env", {{"A", "long enough"}}}, {"env", {{"A", "x"}}}}));
  EXPECT_EQ(std::string::npos, refused({{"secret_env", {{"A", "short"}}}}).find("short"));
}

// `IdempotentSubmit`, although no hash has the values in it.
TEST_F(Secrets, AnotherValueIsAnotherRequest) {
  const auto with = [&](const char* open, const char* secret) {
    return request("k", {{"env", {{"A", open}}}, {"secret_env", {{"B", secret}}}});
  };
  const Json job = kernel.call("SubmitJob", with("1", "hunter22"));
  EXPECT_TRUE(kernel.call("SubmitJob", with("1", "hunter22"))["replayed"]);
  EXPECT_EQ("E_IDEMPOTENCY_KEY_REUSED", kernel.error("SubmitJob", with("2", "hunter22")));
  EXPECT_EQ("E_IDEMPOTENCY_KEY_REUSED", kernel.error("SubmitJob", with("1", "hunter23")));
  Json fewer = with("1", "hunter22");
  fewer.erase("env");
  EXPECT_EQ("E_IDEMPOTENCY_KEY_REUSED", kernel.error("SubmitJob", fewer));
}

// A reader sees the hash, and may know the rest of the request: it must not tell of a short value.
TEST_F(Secrets, TheHashOfARequestTellsNothingOfValues) {
  const auto hash = [&](const std::string& key, const char* value) {
    return status(kernel.call("SubmitJob", request(key, {{"env", {{"PIN", value}}}})))
        .at("request_hash")
        .get<std::string>();
  };
  EXPECT_EQ(hash("1", "0000"), hash("2", "9999"));
  const Json plain = kernel.call("SubmitJob", request("3"));
  EXPECT_EQ(Json(former_request_hash({{"executor", "external"}})), status(plain)["request_hash"])
      << "without values it is what it was";
}

// As a release before this one left it.
TEST_F(Secrets, ARequestFromBeforeIsKnownAgainAndItsHashIsNotShown) {
  const Json asked = request("old", {{"env", {{"PIN", "1234"}}}});
  const std::string id = derive_job_id("", "", "old");
  kernel.journal->run(id, [&](JobLog& log) {
    Submission before;
    before.fixed.job_id = id;
    before.fixed.run_id = "r";
    before.fixed.idempotency_key = "old";
    before.fixed.request = {{"executor", "external"}, {"env", {{"PIN", "1234"}}}};
    before.request_hash = former_request_hash(before.fixed.request);
    before.token = "t";
    log.create(before);
  });
  const Json found = kernel.call("SubmitJob", asked);
  EXPECT_EQ(Json(id), found["job_id"]);
  EXPECT_TRUE(found["replayed"]);
  EXPECT_EQ("E_IDEMPOTENCY_KEY_REUSED",
            kernel.error("SubmitJob", request("old", {{"env", {{"PIN", "1235"}}}})));
  EXPECT_FALSE(status(found).contains("request_hash"));
}

TEST_F(Secrets, TheDeploymentsPatternsHoldForWhatIsAppended) {
  kernel.methods->use({}, {},
                      std::make_shared<const Masks>(std::vector<std::string>{},
                                                    std::vector<std::string>{"pin=(\\d+)"}));
  const Json job = kernel.call("SubmitJob", request("k"));
  kernel.call(
      "AppendJobEvents",
      append(job, {running(), {{"type", "error"}, {"payload", {{"message", "pin=4711"}}}}}));
  EXPECT_NE(std::string::npos, log(job).find("pin=***")) << log(job);
}

TEST_F(Secrets, APatternSeesEachStringByItself) {
  kernel.methods->use({}, {},
                      std::make_shared<const Masks>(std::vector<std::string>{},
                                                    std::vector<std::string>{"^key (.*)$"}));
  const Json job = kernel.call("SubmitJob", request("k"));
  kernel.call("AppendJobEvents",
              append(job, {running(),
                           {{"type", "x-mine"}, {"payload", {{"a", {"key 4711", "no key 1"}}}}}}));
  EXPECT_NE(std::string::npos, log(job).find(R"(["key ***","no key 1"])")) << log(job);
}

}  // namespace
}  // namespace domed::test
