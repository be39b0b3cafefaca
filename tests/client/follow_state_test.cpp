#include "client/follow_state.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "protocol/api_error.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
using Step = FollowState::Step;

const std::string kLog(32, 'a');

std::string event(std::uint64_t seq, const std::string& type = "log",
                  const std::string& payload = "{}") {
  return R"({"job_id":"j","seq":)" + std::to_string(seq) +
         R"(,"ts":"2026-01-01T00:00:00.000000Z","type":")" + type + R"(","payload":)" + payload +
         "}";
}
std::string terminal(std::uint64_t seq) {
  return event(seq, "state_change", R"({"to":"failed"})");
}

std::string frame(std::uint64_t first, const std::vector<std::string>& lines,
                  const std::string& epoch = "e1", const std::string& log = kLog) {
  std::string text = "job/j\n" +
                     Json{{"log_id", log},
                          {"first", first},
                          {"head", first + lines.size() - 1},
                          {"state", "running"},
                          {"epoch", epoch}}
                         .dump() +
                     "\n";
  for (const auto& line : lines) text += line + "\n";
  return text;
}
std::string heartbeat(std::uint64_t head) {
  return frame(head + 1, {});
}
std::string beat(const std::string& epoch = "e1") {
  return "daemon\n{\"epoch\":\"" + epoch + "\"}\n";
}

// A state with its owner's hands: gives pages and frames, collects events.
struct Rig {
  explicit Rig(FollowStart start = {}) : state(with_job(std::move(start))) {}

  static FollowStart with_job(FollowStart start) {
    start.job_id = "j";
    return start;
  }
  Step next() { return state.next(now); }
  void page(const std::vector<std::string>& events, std::uint64_t head, bool more = false,
            bool final = false, std::vector<std::string> urls = {"ipc://e"}) {
    Page page;
    page.log_id = kLog;
    page.first_seq = 1;
    page.head_seq = head;
    page.more = more;
    page.final = final;
    page.events_urls = std::move(urls);
    page.endpoint = endpoint;
    page.lines.assign(events.begin(), events.end());
    state.page_came(page, now, take());
  }
  void frame_in(const std::string& message) { state.frame_came(message, now, take()); }
  // Up to the point where frames are awaited, at seq 1.
  void settle() {
    ASSERT_EQ(Step::page, next());
    page({event(1)}, 1);
    ASSERT_EQ(Step::subscribe, next());
    state.subscribed(now);
    ASSERT_EQ(Step::page, next());
    page({}, 1);
    ASSERT_EQ(Step::wait, next());
    frame_in(beat());
  }
  FollowState::Take take() {
    return [this](std::string_view line, std::uint64_t seq) {
      lines.emplace_back(line);
      seqs.push_back(seq);
    };
  }

  FollowState state;
  std::string endpoint = "ipc://c";  // that pages come from
  FollowState::Time now{1000s};
  std::vector<std::string> lines;
  std::vector<std::uint64_t> seqs;
};

using Seqs = std::vector<std::uint64_t>;

TEST(FollowState, PagesThenSubscribesThenPagesThenWaits) {
  Rig rig;
  EXPECT_EQ((Json{{"job_id", "j"}, {"since_seq", 0}, {"max_bytes", 65536}}),
            rig.state.page_params());
  rig.settle();
  EXPECT_EQ("ipc://e", rig.state.events_url());
  EXPECT_EQ((Json{{"job_id", "j"}, {"since_seq", 1}, {"log_id", kLog}, {"max_events", 10000}}),
            rig.state.page_params());
}

TEST(FollowState, TakesAFrameThatContinuesTheLog) {
  Rig rig;
  rig.settle();
  rig.frame_in(frame(2, {event(2), event(3)}));
  EXPECT_EQ((Seqs{1, 2, 3}), rig.seqs);
  EXPECT_EQ(Step::wait, rig.next());
}

TEST(FollowState, DropsRepeatedFramesAndTakesTheRestOfAnOverlap) {
  Rig rig;
  rig.settle();
  rig.frame_in(frame(2, {event(2), event(3)}));
  rig.frame_in(frame(2, {event(2), event(3)}));
  rig.frame_in(frame(3, {event(3), event(4)}));
  rig.frame_in(heartbeat(2));
  EXPECT_EQ((Seqs{1, 2, 3, 4}), rig.seqs);
  EXPECT_EQ(Step::wait, rig.next());
}

TEST(FollowState, PagesAfterAGap) {
  Rig rig;
  rig.settle();
  rig.frame_in(frame(3, {event(3)}));
  EXPECT_EQ((Seqs{1}), rig.seqs);
  ASSERT_EQ(Step::page, rig.next());
  rig.page({event(2), event(3)}, 3);
  EXPECT_EQ((Seqs{1, 2, 3}), rig.seqs);
  EXPECT_EQ(Step::wait, rig.next());
}

TEST(FollowState, PagesWhenAHeartbeatNamesAHigherHead) {
  Rig rig;
  rig.settle();
  rig.frame_in(heartbeat(1));
  EXPECT_EQ(Step::wait, rig.next());
  rig.frame_in(heartbeat(2));
  EXPECT_EQ(Step::page, rig.next());
}

TEST(FollowState, PagesUntilThereIsNoMore) {
  Rig rig;
  ASSERT_EQ(Step::page, rig.next());
  rig.page({event(1), event(2)}, 3, true, false, {});
  ASSERT_EQ(Step::page, rig.next());
  rig.page({event(3)}, 3, false, false, {});
  EXPECT_EQ((Seqs{1, 2, 3}), rig.seqs);
}

TEST(FollowState, EndsWithTheTerminalEventOfAFrame) {
  Rig rig;
  rig.settle();
  rig.frame_in(frame(2, {terminal(2)}));
  EXPECT_EQ(Step::done, rig.next());
  EXPECT_TRUE(rig.state.terminal());
}

TEST(FollowState, EndsAtOnceWhenTheCursorIsTheTerminalSeq) {
  FollowStart start;
  start.since_seq = 9;
  Rig rig(start);
  ASSERT_EQ(Step::page, rig.next());
  rig.page({}, 9, false, true);
  EXPECT_EQ(Step::done, rig.next());
  EXPECT_TRUE(rig.seqs.empty());
}

TEST(FollowState, EndsASnapshotAtTheHeadOfItsFirstPage) {
  FollowStart start;
  start.follow = false;
  Rig rig(start);
  ASSERT_EQ(Step::page, rig.next());
  rig.page({event(1)}, 2, true);
  ASSERT_EQ(Step::page, rig.next());
  rig.page({event(2), event(3)}, 3);  // the log has grown meanwhile
  EXPECT_EQ(Step::done, rig.next());
  EXPECT_EQ((Seqs{1, 2}), rig.seqs);
  EXPECT_FALSE(rig.state.terminal());
}

TEST(FollowState, LooksAgainAfterTwoSilentSecondsAndThenLessOften) {
  Rig rig;
  rig.settle();
  for (const auto quiet : {2s, 4s, 8s, 10s, 10s}) {
    const auto begin = rig.now;
    while (rig.next() == Step::wait) rig.now += 500ms, rig.frame_in(beat());
    EXPECT_EQ(quiet, rig.now - begin);
    rig.page({}, 1);
  }
}

TEST(FollowState, LooksOftenAgainWhenAPageHadWhatNoFrameAnnounced) {
  Rig rig;
  rig.settle();
  for (const auto quiet : {2s, 4s, 8s}) {
    for (const auto end = rig.now + quiet; rig.now < end;) rig.now += 500ms, rig.frame_in(beat());
    ASSERT_EQ(Step::page, rig.next());
    if (quiet < 8s) rig.page({}, 1);
  }
  rig.page({event(2)}, 2);
  for (const auto end = rig.now + 2s; rig.now < end;) rig.now += 500ms, rig.frame_in(beat());
  EXPECT_EQ(Step::page, rig.next());
}

TEST(FollowState, PagesAtOnceWhenTheEpochIsNew) {
  Rig rig;
  rig.settle();
  rig.frame_in(beat("e2"));
  EXPECT_EQ(Step::page, rig.next());
}

TEST(FollowState, AsksTheDaemonWhenAFrameNamesAnotherLog) {
  Rig rig;
  rig.settle();
  rig.frame_in(frame(2, {event(2)}, "e1", std::string(32, 'b')));
  EXPECT_EQ((Seqs{1}), rig.seqs);
  ASSERT_EQ(Step::page, rig.next());
  EXPECT_EQ(Json(kLog), rig.state.page_params()["log_id"]);
}

TEST(FollowState, GoesOnWithLongPollsWhenNothingIsHeardForThreeSeconds) {
  Rig rig;
  rig.settle();
  rig.now += 2s;
  ASSERT_EQ(Step::page, rig.next());
  EXPECT_FALSE(rig.state.page_params().contains("wait_ms"));
  rig.page({}, 1);
  EXPECT_EQ(rig.now + 1s, rig.state.wake_at(rig.now));
  rig.now += 1s;
  ASSERT_EQ(Step::page, rig.next());
  EXPECT_EQ(3000, rig.state.page_params()["wait_ms"]);
  rig.now += 3s;
  rig.page({}, 1);
  EXPECT_EQ(Step::page, rig.next());
  rig.page({event(2)}, 2);
  rig.frame_in(beat());  // it is back
  EXPECT_EQ(Step::wait, rig.next());
}

TEST(FollowState, FollowsByLongPollsAloneWhereAsked) {
  FollowStart start;
  start.use_frames = false;
  Rig rig(start);
  ASSERT_EQ(Step::page, rig.next());
  rig.page({event(1)}, 1);
  ASSERT_EQ(Step::page, rig.next());
  EXPECT_EQ(10000, rig.state.page_params()["wait_ms"]);
  rig.now += 10s;
  rig.page({terminal(2)}, 2, false, true);
  EXPECT_EQ(Step::done, rig.next());
}

TEST(FollowState, DoesNotAskInATightLoopWhatDoesNotHoldItsPolls) {
  FollowStart start;
  start.use_frames = false;
  Rig rig(start);
  ASSERT_EQ(Step::page, rig.next());
  rig.page({event(1)}, 1);
  ASSERT_EQ(Step::page, rig.next());
  rig.page({}, 1);
  ASSERT_EQ(Step::wait, rig.next());
  EXPECT_EQ(rig.now + 200ms, rig.state.wake_at(rig.now));
}

TEST(FollowState, RepeatsAFailedPageLaterAndLater) {
  Rig rig;
  for (const auto pause : {50ms, 100ms, 200ms}) {
    ASSERT_EQ(Step::page, rig.next());
    rig.state.page_failed(rig.now, std::nullopt);
    ASSERT_EQ(Step::wait, rig.next());
    EXPECT_EQ(rig.now + pause, rig.state.wake_at(rig.now));
    rig.now += pause;
  }
  ASSERT_EQ(Step::page, rig.next());
  rig.state.page_failed(rig.now, 700ms);
  EXPECT_EQ(rig.now + 700ms, rig.state.wake_at(rig.now));
}

TEST(FollowState, TellsALostDaemonFromASilentJob) {
  Rig rig;
  rig.settle();
  rig.now += 60s;
  rig.frame_in(beat());
  EXPECT_FALSE(rig.state.daemon_lost(rig.now));
  rig.now += 3s;
  rig.state.page_failed(rig.now, std::nullopt);
  EXPECT_TRUE(rig.state.daemon_lost(rig.now));
}

TEST(FollowState, SubscribesAnewWhenTheUrlChanged) {
  Rig rig;
  rig.settle();
  rig.frame_in(heartbeat(2));
  ASSERT_EQ(Step::page, rig.next());
  rig.page({event(2)}, 2, false, false, {"tcp://x", "ipc://other"});
  EXPECT_EQ(Step::subscribe, rig.next());
  EXPECT_EQ("ipc://other", rig.state.events_url());
}

// Two nodes that say the same of their events, for each listens at every address of its machine.
TEST(FollowState, SubscribesAnewWhereAnotherNodeAnswers) {
  Rig rig;
  rig.endpoint = "tcp://a:1";
  ASSERT_EQ(Step::page, rig.next());
  const std::vector<std::string> urls{"ipc://e", "tcp://0.0.0.0:2"};
  rig.page({event(1)}, 1, false, false, urls);
  ASSERT_EQ(Step::subscribe, rig.next());
  EXPECT_EQ("tcp://a:2", rig.state.events_url());
  rig.state.subscribed(rig.now);
  ASSERT_EQ(Step::page, rig.next());
  rig.page({}, 1, false, false, urls);
  ASSERT_EQ(Step::wait, rig.next());
  rig.state.frame_came(heartbeat(2), rig.now, rig.take());
  ASSERT_EQ(Step::page, rig.next());
  rig.endpoint = "tcp://b:1";
  rig.page({event(2)}, 2, false, false, urls);
  EXPECT_EQ(Step::subscribe, rig.next());
  EXPECT_EQ("tcp://b:2", rig.state.events_url());
}

TEST(FollowState, RefusesAPageThatLeavesEventsOut) {
  Rig rig;
  ASSERT_EQ(Step::page, rig.next());
  EXPECT_THROW(rig.page({event(2)}, 2), ApiError);
  EXPECT_THROW(rig.page({}, 2, true), ApiError);
  EXPECT_THROW(rig.page({"{}"}, 2), ApiError);
}

TEST(FollowState, KeepsTheDigestOfWhatItTook) {
  Rig rig;
  rig.settle();
  rig.frame_in(frame(2, {event(2)}));
  DigestChain chain(kLog);
  chain.add(event(1));
  chain.add(event(2));
  EXPECT_EQ(chain.digest(), rig.state.digest());
  FollowStart start;
  start.since_seq = 1;
  EXPECT_FALSE(Rig(start).state.digest());
}

// A daemon whose frames are lost, repeated and reordered, whose requests fail,
// and that starts again; the log grows at random until its terminal event.
class Storm {
 public:
  explicit Storm(unsigned seed) : random_(seed), length_(5 + roll(60)) {
    FollowStart start;
    start.since_seq = 0;
    start.use_frames = chance(80);
    rig_ = std::make_unique<Rig>(start);
    loss_ = roll(101);
    failing_ = roll(40);
  }

  void run() {
    for (int step = 0; step < 20000; ++step) {
      if (committed_ < length_ && chance(30)) commit();
      if (chance(2)) ++epoch_;
      const Step next = rig_->next();
      if (next == Step::done) return check();
      if (next == Step::page) page();
      if (next == Step::subscribe) subscribe();
      if (next == Step::wait) wait();
    }
    FAIL() << "did not end; cursor " << rig_->state.cursor() << " of " << length_;
  }

 private:
  unsigned roll(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  bool chance(unsigned percent) { return roll(100) < percent; }
  std::string line(std::uint64_t seq) { return seq == length_ ? terminal(seq) : event(seq); }
  std::string epoch() const { return "e" + std::to_string(epoch_); }

  void commit() {
    const std::uint64_t first = committed_ + 1;
    committed_ = std::min<std::uint64_t>(length_, committed_ + 1 + roll(4));
    std::vector<std::string> lines;
    for (auto seq = first; seq <= committed_; ++seq) lines.push_back(line(seq));
    publish(frame(first, lines, epoch()));
    if (committed_ == length_) ended_ = rig_->now;
  }
  void publish(const std::string& message) {
    if (roll(100) < loss_) return;
    for (unsigned copies = chance(20) ? 2 : 1; copies > 0; --copies)
      frames_.insert(frames_.begin() + roll(static_cast<unsigned>(frames_.size()) + 1), message);
  }
  void page() {
    const Json params = rig_->state.page_params();
    if (chance(failing_)) return rig_->state.page_failed(rig_->now, std::nullopt);
    if (params.contains("wait_ms") && params["since_seq"] >= committed_) {
      if (committed_ < length_ && chance(50))
        rig_->now += 100ms, commit();
      else
        rig_->now += std::chrono::milliseconds(params["wait_ms"].get<int>());
    }
    const std::uint64_t since = params["since_seq"],
                        end = std::min<std::uint64_t>(committed_, since + 1 + roll(8));
    std::vector<std::string> lines;
    for (auto seq = since + 1; seq <= end; ++seq) lines.push_back(line(seq));
    rig_->page(lines, committed_, end < committed_, end == length_);
  }
  void subscribe() {
    if (chance(10)) return rig_->state.subscribe_failed();
    rig_->state.subscribed(rig_->now);
  }
  void wait() {
    if (!frames_.empty() && chance(70)) {
      rig_->frame_in(frames_.front());
      frames_.pop_front();
    } else {
      rig_->now = std::max(rig_->now, std::min(rig_->state.wake_at(rig_->now), rig_->now + 1s));
      publish(chance(50) ? beat(epoch()) : frame(committed_ + 1, {}, epoch()));
    }
  }
  void check() {
    Seqs expected;
    DigestChain chain(kLog);
    for (std::uint64_t seq = 1; seq <= length_; ++seq)
      expected.push_back(seq), chain.add(line(seq));
    EXPECT_EQ(expected, rig_->seqs);
    EXPECT_EQ(chain.digest(), rig_->state.digest());
    EXPECT_TRUE(rig_->state.terminal());
    EXPECT_LT(rig_->now - ended_, 60s) << "too long after the terminal event";
  }

  std::mt19937 random_;
  const std::uint64_t length_;
  unsigned loss_ = 0, failing_ = 0;
  std::unique_ptr<Rig> rig_;
  std::uint64_t committed_ = 0;
  int epoch_ = 1;
  FollowState::Time ended_{};
  std::deque<std::string> frames_;
};

TEST(FollowState, DeliversEachEventOnceInOrderWhateverFails) {
  const unsigned base = std::random_device{}();
  for (unsigned i = 0; i < 500; ++i) {
    SCOPED_TRACE("seed " + std::to_string(base + i));
    Storm(base + i).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace domed
