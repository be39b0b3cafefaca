#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "client/client.h"
#include "client/follow_state.h"

namespace domed {

class Subscription;

struct FollowOptions {
  std::string job_id;
  std::uint64_t since_seq = 0;
  std::string log_id;
  bool follow = true;
  bool use_frames = true;
  bool await_daemon = false;  // begin although no daemon is there yet
  std::uint64_t max_events = 0;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::stop_token stop;

  // Told when the daemon is lost (false) and when it is back (true).
  std::function<void(bool alive)> on_connection;
  // Called before anything is waited for: the time to flush an output.
  std::function<void()> on_idle;

  // For tests: what becomes of a frame (nothing, itself, twice, another), and
  // what the time is.
  std::function<std::vector<std::string>(std::string frame)> frame_filter;
  std::function<FollowState::Time()> clock;
};

enum class FollowEnd { terminal, snapshot, stopped, deadline };

// Reads one job's events: those there are, and those to come, each once and in
// order, until the terminal one.  Broken connections, restarts of the daemon and
// lost frames are not an end.
//
// Every event socket gets every job's frames, so that followers of many jobs would
// mostly receive what others want.  Where more than a few share a client they go
// by long polls.
class Follower {
 public:
  // "line" is the event's own bytes, without LF.
  using OnEvent = std::function<void(std::string_view line, std::uint64_t seq)>;

  Follower(Client& client, FollowOptions options);
  ~Follower();

  // Runs in the caller's thread.  Throws ApiError for what repeating cannot
  // mend, and whatever "on_event" throws; cursor() then tells where to resume.
  FollowEnd run(const OnEvent& on_event);

  std::uint64_t cursor() const { return state_.cursor(); }
  const std::string& log_id() const { return state_.log_id(); }
  // digest(cursor), where the follow began at 0.
  std::optional<Digest> digest() const { return state_.digest(); }

 private:
  FollowState::Time now() const;
  bool over() const;
  CallOptions call_options();
  std::string page_bytes();
  void fetch_ahead(const Page& page);
  void page(const OnEvent& on_event);
  void subscribe();
  void leave_frames_to_few();
  void drain_frames(const OnEvent& on_event);
  void await_frame(const OnEvent& on_event);
  void give_frame(std::string_view frame, const OnEvent& on_event);
  void watch_connection();

  Client& client_;
  FollowOptions options_;
  FollowState state_;
  std::unique_ptr<Subscription> frames_;
  std::string answered_by_;  // the URL that the last page came from
  // While one page is looked at the next one is on its way.
  struct Ahead {
    Json params;
    std::shared_ptr<Client::Pending> page;
  };
  std::optional<Ahead> ahead_;
  bool alive_ = true;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace domed
