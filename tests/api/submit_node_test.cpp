// `node` of a SubmitJob, at a daemon that has its store for itself: jobs for others it does not
// take.
#include "support/harness.h"

namespace domed::test {
namespace {

class SubmitNode : public ::testing::Test {
 protected:
  Json submit(const std::string& key, const Json& more) {
    Json params{{"idempotency_key", key}, {"command", {"true"}}};
    params.update(more);
    return kernel.request("SubmitJob", params);
  }
  static std::string refusal(const Json& reply) {
    return reply.value("/error/message"_json_pointer, "");
  }

  Scratch scratch;
  Kernel kernel{"store-memory", scratch.path()};
};

TEST_F(SubmitNode, IsPartOfTheRequest) {
  const Json job = submit("k", {{"node", "here"}})["result"];
  EXPECT_EQ(job["job_id"], submit("k", {{"node", "here"}})["result"]["job_id"]);
  EXPECT_EQ("E_IDEMPOTENCY_KEY_REUSED",
            submit("k", {{"node", "id"}})["/error/data/error"_json_pointer]);
  EXPECT_EQ("here", kernel.call("GetJobStatus", {{"job_id", job["job_id"]}})["wanted_node"]);
}

TEST_F(SubmitNode, IsRetriedThere) {
  const Json job = submit("k", {{"node", "id"}})["result"];
  kernel.call("CancelJob", {{"job_id", job["job_id"]}});
  const Json again =
      kernel.call("RetryJob", {{"job_id", job["job_id"]}, {"idempotency_key", "again"}});
  EXPECT_EQ("id", kernel.call("GetJobStatus", {{"job_id", again["job_id"]}})["wanted_node"]);
}

TEST_F(SubmitNode, IsCheckedInWords) {
  EXPECT_EQ("'node': there is no node 'b': this daemon has its store for itself, and is here (id)",
            refusal(submit("k", {{"node", "b"}})));
  EXPECT_EQ("'node' must be the name or the id of a node", refusal(submit("k", {{"node", ""}})));
  EXPECT_NE("", refusal(submit("k", {{"node", 1}})));
  EXPECT_NE("", refusal(submit("k", {{"node", std::string(129, 'n')}})));
  const Json external = kernel.request(
      "SubmitJob", {{"idempotency_key", "e"}, {"executor", "external"}, {"node", "here"}});
  EXPECT_EQ("'node': an external job is no node's: its producer runs it where it is",
            refusal(external));
}

}  // namespace
}  // namespace domed::test
