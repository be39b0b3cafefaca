// One runner whose node may die: it ends its command before others take it for lost.
#include <thread>

#include "client/client.h"
#include "job.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

class DeadlineTest : public JobTest {
 protected:
  DeadlineTest() {
    spec_["fenced"] = true;
    daemon_.stop_in(1h);
  }
};

TEST_F(DeadlineTest, GoesOnWhileItHasTime) {
  run("read x < fifo; echo $x");
  tell_job("go\n");
  finish();
  EXPECT_EQ("go\n", daemon_.output("stdout"));
  EXPECT_EQ("succeeded", last()["to"]);
}

TEST_F(DeadlineTest, ExecutesNothingThatCameTooLate) {
  daemon_.stop_in(0ms);
  run("touch ran");
  finish();
  EXPECT_FALSE(ran("ran"));
  EXPECT_EQ("failed", last()["to"]);
  EXPECT_EQ("lost", last()["reason"]);
}

TEST_F(DeadlineTest, EndsItsCommandWhenTheLatestAnswerSaysSo) {
  run("echo ready; exec sleep 1000");
  daemon_.wait_for("ready");
  daemon_.stop_in(-1ms);
  finish();
  EXPECT_EQ("lost", last()["reason"]);
}

TEST_F(DeadlineTest, EndsItsCommandWhenNobodyAnswersInTime) {
  run("echo ready; exec sleep 1000");
  daemon_.wait_for("ready");
  daemon_.stop_in_without_another_word(300ms);
  finish();
  EXPECT_EQ("lost", last()["reason"]);
}

// The fence: the job was given to another node.
TEST_F(DeadlineTest, EndsItsCommandWhenItsTokenIsNobodys) {
  ::testing::internal::CaptureStderr();
  run("echo ready; exec sleep 1000");
  daemon_.wait_for("ready");
  daemon_.refuse("E_UNAUTHORIZED");
  EXPECT_EQ(1, wait_for_exit());
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(std::string::npos, said.find("E_UNAUTHORIZED")) << said;
}

// One that goes to another node while its own is away.
class ElsewhereTest : public DeadlineTest {
 protected:
  ElsewhereTest() { daemon_.stop_in(8s); }  // it looks around after a quarter of that
  std::string node(const std::string& name) { return "ipc://" + (scratch_ / name); }
  void also_at(const std::string& name, const std::string& refusal = "") {
    daemon_.also_at(node(name), refusal);
    spec_["others"].push_back(node(name));
  }
};

TEST_F(ElsewhereTest, GoesOnAtAnotherNodeWhileItsOwnIsGone) {
  also_at("other");
  run("echo ready; read x < fifo; echo $x; read x < fifo; echo $x");
  daemon_.wait_for("ready");
  EXPECT_EQ(0, daemon_.asked_at(node("other")));
  daemon_.stop();
  tell_job("out\n");
  daemon_.wait_for("\"out\"");
  EXPECT_LT(0, daemon_.asked_at(node("other")));
  const int asked = daemon_.asked_at(url_);
  daemon_.start();
  while (daemon_.asked_at(url_) < asked + 2) std::this_thread::yield();  // it is back
  tell_job("home\n");
  finish();
  EXPECT_EQ("ready\nout\nhome\n", daemon_.output("stdout"));
  EXPECT_EQ("succeeded", last()["to"]);
}

// A command that asks for itself: as who it is, at the nodes of its machine.
TEST_F(ElsewhereTest, SoMayItsCommand) {
  also_at("other");
  spec_["others"].push_back("tcp://elsewhere:1");
  run("echo \"$DOMED_ENDPOINT\"; read x < fifo");
  daemon_.wait_for("control.ipc");
  const std::string said = daemon_.output("stdout");
  EXPECT_EQ(url_ + "," + node("other") + "\n", said);
  Client command(said.substr(0, said.size() - 1));
  const Json poll{{"log_id", "l"}, {"since_seq", 0}};
  std::string answered_by;
  CallOptions options;
  options.answered_by = &answered_by;
  command.call("StreamJobEvents", poll, options);
  EXPECT_EQ(url_, answered_by);
  daemon_.stop();
  command.call("StreamJobEvents", poll, options);
  EXPECT_EQ(node("other"), answered_by);
  daemon_.start();
  tell_job("\n");
  finish();
}

TEST_F(ElsewhereTest, HearsOfACancelThere) {
  also_at("other");
  run("echo ready; exec sleep 1000");
  daemon_.wait_for("ready");
  daemon_.stop();
  while (daemon_.asked_at(node("other")) == 0) std::this_thread::yield();
  daemon_.cancel(false);
  finish();
  EXPECT_EQ("canceled", last()["to"]);
}

// What a node says that does not let it in is no word on the run; the next one may be another.
TEST_F(ElsewhereTest, PassesByWhoDoesNotLetItIn) {
  also_at("closed", "E_FORBIDDEN");
  also_at("other");
  run("echo ready; read x < fifo; echo $x");
  daemon_.wait_for("ready");
  daemon_.stop();
  tell_job("out\n");
  finish();
  EXPECT_LT(0, daemon_.asked_at(node("closed")));
  EXPECT_EQ("succeeded", last()["to"]);
}

TEST_F(ElsewhereTest, EndsItsCommandWhereNobodyLetsItIn) {
  also_at("closed", "E_FORBIDDEN");
  run("trap 'touch ended' TERM; echo ready; while :; do sleep 0.05; done");
  daemon_.wait_for("ready");
  daemon_.stop();
  while (!ran("ended")) std::this_thread::yield();
  daemon_.start();
  finish();
  EXPECT_EQ("lost", last()["reason"]);
}

// A daemon that is alone on its store says nothing of it.
TEST_F(DeadlineTest, HasTimeForEverWhereNobodyIsToTakeIt) {
  spec_["fenced"] = false;
  daemon_.stop_in(0ms);
  run("touch ran");
  finish();
  EXPECT_TRUE(ran("ran"));
}

}  // namespace
}  // namespace domed
