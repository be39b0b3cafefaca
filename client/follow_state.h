#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "client/event_line.h"
#include "client/page.h"
#include "protocol/frame.h"

namespace domed {

struct FollowStart {
  std::string job_id;
  std::uint64_t since_seq = 0;
  std::string log_id;            // refuse any other log; empty: whichever there is
  bool follow = true;            // false: up to the head there is now
  bool use_frames = true;        // false: long polls alone
  std::uint64_t max_events = 0;  // of a page; 0: the daemon's default
};

// The decisions of a follower, without any input or output.
//
// The owner asks next(), does it, reports what came of it, and asks again.
// Pages are the truth; frames only tell that there is something, or save the
// page where they continue the log exactly.  Times come from the owner.
class FollowState {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Milliseconds = std::chrono::milliseconds;
  // Each event once, in order.
  using Take = std::function<void(std::string_view line, std::uint64_t seq)>;

  enum class Step {
    page,       // request a page with page_params()
    subscribe,  // to events_url(), for the job and for "daemon"
    wait,       // for a frame, until wake_at(now)
    done,
  };

  explicit FollowState(FollowStart start);

  Step next(Time now);
  Time wake_at(Time now) const;
  Json page_params() const { return page_params(cursor_); }
  // As they will be once "cursor" is reached, and there is more.
  Json page_params(std::uint64_t cursor) const;
  const std::string& events_url() const { return events_url_; }
  // What frames for the job begin with.
  const std::string& topic() const { return topic_; }

  // Throws ApiError(E_PROTOCOL) where the page leaves events out.
  void page_came(const Page& page, Time now, const Take& take);
  // A page could not be had; "wait" is the daemon's wish.
  void page_failed(Time now, std::optional<Milliseconds> wait);
  void subscribed(Time now);
  // There is no subscribing; goes on with long polls.
  void subscribe_failed();
  // "message" is anything that came from the events socket.
  void frame_came(std::string_view message, Time now, const Take& take);

  std::uint64_t cursor() const { return cursor_; }
  const std::string& log_id() const { return start_.log_id; }
  // Ended at the terminal event, as opposed to the head of a snapshot.
  bool terminal() const { return terminal_; }
  // Of the events up to the cursor; only where the follow began at 0.
  std::optional<Digest> digest() const;
  // Neither frames, nor signs of life, nor pages come through.
  bool daemon_lost(Time now) const;

 private:
  bool frames() const { return start_.follow && start_.use_frames; }
  bool polling(Time now) const;
  void take_line(std::string_view line, const EventLine& event, const Take& take);
  void new_urls(const Page& page);
  void heard(const std::string& epoch, Time now);
  void take_frame(const Frame& frame, Time now, const Take& take);

  FollowStart start_;
  const std::string topic_;
  std::uint64_t cursor_;
  std::optional<DigestChain> chain_;
  bool paged_ = false, must_page_ = true, terminal_ = false, done_ = false;
  bool held_ = false;  // the page now asked for is a long poll
  std::optional<std::uint64_t> snapshot_head_;

  std::string events_url_;
  bool must_subscribe_ = false, subscribed_ = false;
  std::string epoch_;
  Time asked_{}, retry_at_{}, heard_{}, quiet_at_{}, page_ok_{};
  Milliseconds quiet_, failure_pause_;
};

}  // namespace domed
