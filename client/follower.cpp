#include "client/follower.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "client/subscription.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// How long a first page may be waited for before frames arrive anyway.
constexpr auto kConnectPatience = 100ms;
// Tests may turn the clock, and stops come at any time: look up so often.
constexpr auto kLongestWait = 500ms;
constexpr std::size_t kDrained = 256;
// More followers of one client than this go by long polls.
constexpr int kFewFollowers = 16;
// A snapshot shows what there is now: it does not wait for a daemon to come back.
constexpr auto kSnapshotPatience = 15s;

FollowStart start_of(const FollowOptions& options) {
  FollowStart start;
  start.job_id = options.job_id;
  start.since_seq = options.since_seq;
  start.log_id = options.log_id;
  start.follow = options.follow;
  start.use_frames = options.use_frames;
  start.max_events = options.max_events;
  return start;
}

void sleep_until(Clock::time_point until, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_until(lock, stop, until, [] { return false; });
}

}  // namespace

Follower::Follower(Client& client, FollowOptions options)
    : client_(client), options_(std::move(options)), state_(start_of(options_)) {
  ++client_.followers();
}

Follower::~Follower() {
  --client_.followers();
}

FollowState::Time Follower::now() const {
  return options_.clock ? options_.clock() : Clock::now();
}

bool Follower::over() const {
  return options_.stop.stop_requested() ||
         (options_.deadline && Clock::now() >= *options_.deadline);
}

FollowEnd Follower::run(const OnEvent& on_event) {
  for (;;) {
    drain_frames(on_event);
    leave_frames_to_few();
    const auto step = state_.next(now());
    if (step == FollowState::Step::done)
      return state_.terminal() ? FollowEnd::terminal : FollowEnd::snapshot;
    if (over()) return options_.stop.stop_requested() ? FollowEnd::stopped : FollowEnd::deadline;
    if (options_.on_idle) options_.on_idle();
    if (step == FollowState::Step::page) page(on_event);
    if (step == FollowState::Step::subscribe) subscribe();
    if (step == FollowState::Step::wait) await_frame(on_event);
    watch_connection();
  }
}

CallOptions Follower::call_options() {
  CallOptions call;
  call.repeat = false;
  call.answered_by = &answered_by_;
  call.stop = options_.stop;
  if (options_.deadline)
    call.deadline = std::max(
        1ms, std::chrono::ceil<std::chrono::milliseconds>(*options_.deadline - Clock::now()));
  return call;
}

std::string Follower::page_bytes() {
  const Json params = state_.page_params();
  const auto ahead = std::exchange(ahead_, std::nullopt);
  // The state may ask for another page than was guessed, as when a frame brought the lines
  // meanwhile; the guess is then dropped, and its reply with it.
  if (ahead && ahead->params == params) try {
      return client_.finish(*ahead->page);
    } catch (const ApiError& e) {
      // It may have been lost with a connection that ended while the lines were being taken.
      if (e.name() != "E_UNREACHABLE") throw;
    }
  return client_.call_raw("StreamJobEvents", params, call_options());
}

// Only where the page is plain: what is odd about it is the state's to find out.
void Follower::fetch_ahead(const Page& page) {
  if (!page.more || page.lines.empty()) return;
  const auto last = read_event_line(page.lines.back());
  if (!last || page.log_id != state_.log_id()) return;
  Json params = state_.page_params(last->seq);
  try {
    ahead_ = {params, client_.begin("StreamJobEvents", params, call_options())};
  } catch (const ApiError&) {
    ahead_.reset();  // asked for again when it is needed
  }
}

// One attempt: when to repeat is the state's decision.
void Follower::page(const OnEvent& on_event) {
  Page page;
  try {
    page.bytes = page_bytes();
  } catch (const ApiError& e) {
    const bool never_there = e.fields().is_object() && e.fields().contains("never_there");
    if (e.name() == "E_STOPPED") return;
    if (!is_retryable(e) || (never_there && !options_.await_daemon)) throw;
    if (!options_.follow && Clock::now() - began_ >= kSnapshotPatience) throw;
    if (e.name() != "E_UNREACHABLE") client_.met(e);  // of that on_connection tells
    return state_.page_failed(now(), retry_after(e));
  }
  client_.trouble().over();
  page.endpoint = answered_by_;
  read_page(page);
  fetch_ahead(page);
  state_.page_came(page, now(), on_event);
}

// For good, not until it gets quieter: to come and go would cost more than a poll does.
void Follower::leave_frames_to_few() {
  if (client_.followers() <= kFewFollowers || !options_.use_frames) return;
  options_.use_frames = false;
  frames_.reset();
  state_.subscribe_failed();
}

void Follower::subscribe() {
  try {
    frames_.reset();
    frames_ = std::make_unique<Subscription>(state_.events_url(),
                                             std::vector<std::string>{state_.topic(), "daemon\n"},
                                             client_.credentials());
    frames_->await_connection(kConnectPatience);
    state_.subscribed(now());
  } catch (const Error&) {
    state_.subscribe_failed();
  }
}

void Follower::await_frame(const OnEvent& on_event) {
  const auto time = now();
  const auto wait = std::min<Clock::duration>(state_.wake_at(time) - time, kLongestWait);
  auto until = Clock::now() + wait;
  if (options_.deadline) until = std::min(until, *options_.deadline);
  if (!frames_) return sleep_until(until, options_.stop);
  if (const auto frame = frames_->next(until, options_.stop)) give_frame(*frame, on_event);
}

// What came while a page was asked for; bounded, as pages must not starve.
void Follower::drain_frames(const OnEvent& on_event) {
  for (std::size_t i = 0; frames_ && i < kDrained; ++i) {
    const auto frame = frames_->next(Clock::time_point::min(), options_.stop);
    if (!frame) return;
    give_frame(*frame, on_event);
  }
}

void Follower::give_frame(std::string_view frame, const OnEvent& on_event) {
  if (!options_.frame_filter) return state_.frame_came(frame, now(), on_event);
  for (const auto& passed : options_.frame_filter(std::string(frame)))
    state_.frame_came(passed, now(), on_event);
}

void Follower::watch_connection() {
  const bool alive = !state_.daemon_lost(now());
  if (alive == std::exchange(alive_, alive) || !options_.on_connection) return;
  options_.on_connection(alive);
}

}  // namespace domed
