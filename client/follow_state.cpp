#include "client/follow_state.h"

#include <algorithm>

#include "protocol/api_error.h"
#include "protocol/endpoint.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

constexpr auto kDaemonUnheard = 3s;
constexpr std::chrono::milliseconds kQuietFirst = 2s, kQuietMost = 10s;
constexpr std::chrono::milliseconds kPauseFirst = 50ms, kPauseMost = 2s;
constexpr auto kHeldPoll = 10s;     // where long polls are all there is
constexpr auto kFallbackPoll = 3s;  // where frames may come back
// The first page is to come soon, and the rest fast.
constexpr int kFirstPage = 64 * 1024;
constexpr int kCatchUpEvents = 10000;  // the daemon's most
// A poll that comes back empty sooner was not held; keeps an odd daemon from
// being asked in a tight loop.
constexpr auto kPollSpacing = 200ms;

[[noreturn]] void wrong_page(std::uint64_t cursor) {
  throw ApiError("E_PROTOCOL", "the daemon's page after seq " + std::to_string(cursor) +
                                   " does not begin with event " + std::to_string(cursor + 1));
}

}  // namespace

FollowState::FollowState(FollowStart start)
    : start_(std::move(start)),
      topic_("job/" + start_.job_id + "\n"),
      cursor_(start_.since_seq),
      quiet_(kQuietFirst),
      failure_pause_(kPauseFirst) {}

// Whether to follow by long polls: from choice, or because nothing is heard.
bool FollowState::polling(Time now) const {
  return start_.follow && paged_ && (!subscribed_ || now - heard_ >= kDaemonUnheard);
}

FollowState::Step FollowState::next(Time now) {
  if (done_) return Step::done;
  if (page_ok_ == Time()) page_ok_ = now;  // a daemon that never answers is lost from then on
  if (now < retry_at_) return Step::wait;
  if (must_subscribe_) return Step::subscribe;
  // A page that is due is asked for at once, and never held: what is missing is there already.
  held_ = !must_page_ && polling(now);
  if (must_page_ || held_ || now >= quiet_at_) {
    asked_ = now;
    return Step::page;
  }
  return Step::wait;
}

FollowState::Time FollowState::wake_at(Time now) const {
  return now < retry_at_ ? retry_at_ : std::min(heard_ + kDaemonUnheard, quiet_at_);
}

Json FollowState::page_params(std::uint64_t cursor) const {
  Json params{{"job_id", start_.job_id}, {"since_seq", cursor}};
  if (!start_.log_id.empty()) params["log_id"] = start_.log_id;
  if (start_.max_events)
    params["max_events"] = start_.max_events;
  else if (paged_)
    params["max_events"] = kCatchUpEvents;
  else
    params["max_bytes"] = kFirstPage;
  if (held_) {
    const Milliseconds wait = frames() && subscribed_ ? kFallbackPoll : kHeldPoll;
    params["wait_ms"] = wait.count();
  }
  return params;
}

void FollowState::page_came(const Page& page, Time now, const Take& take) {
  // The chain begins with the log (Digest): who begins in its midst has no digest before, and gets
  // none.
  if (!paged_ && cursor_ == 0 && page.first_seq <= 1) chain_.emplace(page.log_id);
  start_.log_id = page.log_id;
  if (!snapshot_head_) snapshot_head_ = page.head_seq;
  const bool quiet_page = paged_ && !must_page_;
  const bool first = !std::exchange(paged_, true);
  page_ok_ = now;
  failure_pause_ = kPauseFirst;
  const std::uint64_t before = cursor_;
  for (const std::string_view line : page.lines) {
    if (done_) break;
    const auto event = read_event_line(line);
    if (!event || event->seq > cursor_ + 1) wrong_page(cursor_);
    take_line(line, *event, take);
  }
  // More, and nothing of it: asked again it would be the same, for ever (NeverHangs).
  if (page.more && cursor_ == before) wrong_page(cursor_);
  must_page_ = page.more;
  if (page.final && cursor_ >= page.head_seq) terminal_ = done_ = true;
  if (!start_.follow && (cursor_ >= *snapshot_head_ || !page.more)) done_ = true;
  if (start_.follow && frames()) new_urls(page);
  if (held_ && cursor_ == before && now - asked_ < kPollSpacing) retry_at_ = now + kPollSpacing;
  // Events that no frame announced: frames get lost, so look often again.
  if (first || cursor_ != before)
    quiet_ = kQuietFirst;
  else if (quiet_page)
    quiet_ = std::min(quiet_ * 2, kQuietMost);
  quiet_at_ = now + quiet_;
}

void FollowState::take_line(std::string_view line, const EventLine& event, const Take& take) {
  // The one place where an event is delivered, from pages and frames alike: each once and in order,
  // whatever came twice or late (ExactlyOnce).
  if (event.seq != cursor_ + 1) return;
  take(line, event.seq);
  cursor_ = event.seq;
  if (chain_) chain_->add(line);
  if (is_terminal(event)) terminal_ = done_ = true;
  if (!start_.follow && snapshot_head_ && cursor_ >= *snapshot_head_) done_ = true;
}

// Those of the node that gave the page, which may be another one than before: as they are for who
// reached that, for two nodes may well say the same "tcp://0.0.0.0:7444".
void FollowState::new_urls(const Page& page) {
  const auto& urls = page.events_urls;
  if (urls.empty() || done_) return;
  const auto same = std::find_if(urls.begin(), urls.end(), [&](const std::string& url) {
    return url_scheme(url) == url_scheme(page.endpoint);
  });
  const std::string url = reachable_url(same == urls.end() ? urls.front() : *same, page.endpoint);
  if (url == events_url_) return;
  events_url_ = url;
  must_subscribe_ = true;
}

void FollowState::page_failed(Time now, std::optional<Milliseconds> wait) {
  retry_at_ = now + wait.value_or(failure_pause_);
  failure_pause_ = std::min(failure_pause_ * 2, kPauseMost);
  must_page_ = true;
}

// What was committed between the last page and now has no frame for us.
void FollowState::subscribed(Time now) {
  must_subscribe_ = false;
  subscribed_ = must_page_ = true;
  heard_ = now;
}

void FollowState::subscribe_failed() {
  must_subscribe_ = subscribed_ = false;
  start_.use_frames = false;
}

void FollowState::frame_came(std::string_view message, Time now, const Take& take) {
  Frame frame;
  if (done_ || !frames() || !read_frame(message, topic_, frame)) return;
  heard(frame.epoch, now);
  if (!frame.daemon) take_frame(frame, now, take);
}

void FollowState::heard(const std::string& epoch, Time now) {
  heard_ = now;
  if (epoch.empty() || epoch == epoch_) return;
  // Another start of the daemon: frames of its last moments may be lost with it.
  if (!epoch_.empty()) must_page_ = true;
  epoch_ = epoch;
}

void FollowState::take_frame(const Frame& frame, Time now, const Take& take) {
  quiet_ = kQuietFirst;
  quiet_at_ = now + quiet_;
  if (!paged_) return;
  if (frame.log_id != start_.log_id) {
    must_page_ = true;  // which names the log, so that the daemon says what happened
    return;
  }
  for (const std::string_view line : frame.lines) {
    const auto event = read_event_line(line);
    // A hole: what follows it is taken from the page that is asked for below.
    if (!event || event->seq > cursor_ + 1) break;
    take_line(line, *event, take);
    if (done_) return;
  }
  if (frame.head > cursor_) must_page_ = true;
}

std::optional<Digest> FollowState::digest() const {
  if (!chain_) return std::nullopt;
  return chain_->digest();
}

bool FollowState::daemon_lost(Time now) const {
  return page_ok_ != Time() && now - std::max(heard_, page_ok_) >= kDaemonUnheard &&
         failure_pause_ > kPauseFirst;
}

}  // namespace domed
