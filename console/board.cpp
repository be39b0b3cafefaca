#include "console/board.h"

#include <algorithm>
#include <functional>

#include "base/unsignalled.h"
#include "client/event_line.h"
#include "client/page.h"
#include "client/subscription.h"
#include "console/answer.h"
#include "domed/error.h"
#include "protocol/endpoint.h"
#include "protocol/frame.h"

namespace domed::console {
namespace {

using namespace std::chrono_literals;

constexpr auto kAskEvery = 3s;
constexpr auto kAskAtMost = 200ms;
constexpr std::size_t kKeptNews = 1000, kNewest = 200, kAgain = 20;
// Unfinished jobs beyond this are seen when they are listed for somebody.
constexpr std::size_t kUnfinished = 1000;
constexpr std::size_t kKnownStates = 100'000;

CallOptions patient(const std::stop_token& stop) {
  CallOptions out;
  out.deadline = 10s;
  out.stop = stop;
  return out;
}

// The last progress among a page's events; null: there is none.
Json progress_in(const std::vector<std::string_view>& lines) {
  for (auto line = lines.rbegin(); line != lines.rend(); ++line)
    if (const auto event = read_event_line(*line); event && event->type == "progress")
      return Json::parse(event->payload, nullptr, false);
  return nullptr;
}

}  // namespace

Board::Board(Client& client) : client_(client) {
  const Unsignalled unsignalled;
  threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
}

Board::~Board() {
  stop();
}

void Board::stop() {
  for (auto& thread : threads_) thread.request_stop();
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
  wanted_.notify_all();
}

std::uint64_t Board::beginning() {
  const std::lock_guard lock(mutex_);
  return newest_ - std::min<std::uint64_t>(newest_, std::min(news_.size(), kAgain));
}

Json Board::progress() {
  const std::lock_guard lock(mutex_);
  return progress_;
}

Board::Look Board::look(std::uint64_t cursor, bool connected, Clock::time_point until) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, until,
                      [&] { return stopped_ || newest_ > cursor || connected_ != connected; });
  Look out;
  out.last = newest_;
  out.connected = connected_;
  out.closed = stopped_;
  const std::uint64_t before = newest_ - news_.size();
  out.missed = cursor < before || cursor > newest_;
  for (std::uint64_t at = std::max(cursor, before); at < newest_; ++at)
    out.news.push_back(news_[at - before]);
  return out;
}

void Board::tell(Json jobs, Json progress) {
  if (jobs.empty() && progress.empty()) return;
  const std::lock_guard lock(mutex_);
  news_.push_back(Json{{"jobs", std::move(jobs)}, {"progress", std::move(progress)}}.dump());
  ++newest_;
  if (news_.size() > kKeptNews) news_.pop_front();
  changed_.notify_all();
}

void Board::set_connected(bool connected) {
  const std::lock_guard lock(mutex_);
  if (connected_ == connected) return;
  connected_ = connected;
  changed_.notify_all();
}

// Frames are for quickness alone, so that a socket of events that cannot be had costs that, and
// nothing is said.
std::vector<std::jthread> Board::listeners() {
  std::vector<std::jthread> out;
  const std::string endpoint = client_.endpoint(), scheme = url_scheme(endpoint);
  const Json health = client_.call("Health", Json::object());
  for (const auto& url : health.value("events", Json::array())) {
    if (!url.is_string() || url_scheme(url.get<std::string>()) != scheme) continue;
    const std::string place = reachable_url(url.get<std::string>(), endpoint);
    out.emplace_back([this, place](const std::stop_token& stop) { listen(place, stop); });
  }
  return out;
}

// Told once: it is tried again, every few seconds.
void Board::trouble(const std::string& text) {
  if (std::exchange(trouble_, text) != text) say("the list of jobs: " + text);
}

void Board::run(const std::stop_token& stop) {
  std::vector<std::jthread> listening;
  while (!stop.stop_requested()) {
    try {
      if (listening.empty()) listening = listeners();
      ask(stop);
      set_connected(true);
    } catch (const ApiError& e) {
      if (e.name() == "E_UNREACHABLE") set_connected(false);
      trouble(e.what());
    } catch (const std::exception& e) {
      trouble(e.what());
    }
    Json fresh;
    {
      std::unique_lock lock(mutex_);
      // What comes at once is told at once, and what follows a moment later.
      wanted_.wait_for(lock, stop, kAskAtMost, [] { return false; });
      wanted_.wait_for(lock, stop, kAskEvery, [this] { return hint_ || !fresh_.empty(); });
      hint_ = false;
      fresh = std::exchange(fresh_, Json::object());
    }
    tell(Json::array(), std::move(fresh));
  }
}

void Board::listen(const std::string& url, const std::stop_token& stop) try {
  Subscription frames(url, {"job/"}, client_.credentials());
  while (!stop.stop_requested())
    if (const auto message = frames.next(Clock::now() + 1h, stop)) take_frame(*message);
} catch (const Error&) {
}

void Board::take_frame(const std::string& message) {
  const auto line = message.find('\n');
  if (line == std::string::npos) return;
  Frame frame;
  if (!read_frame(message, std::string_view(message).substr(0, line + 1), frame)) return;
  const std::string job_id = message.substr(4, line - 4);
  Json progress = progress_in(frame.lines);
  const std::lock_guard lock(mutex_);
  if (states_.size() > kKnownStates) states_.clear();
  std::string& state = states_[job_id];
  hint_ = hint_ || state != frame.state;
  state = frame.state;
  if (progress.is_object()) fresh_[job_id] = progress_[job_id] = std::move(progress);
  if (is_terminal_state(frame.state)) progress_.erase(job_id);
  if (hint_ || !fresh_.empty()) wanted_.notify_all();
}

std::vector<Json> Board::list(const Json& filter, const std::stop_token& stop) {
  const Json page = client_.call("ListJobs", filter, patient(stop));
  return page.at("jobs").get<std::vector<Json>>();
}

// Before anybody looked there were no frames to tell.
void Board::ask_progress(const Json& job, const std::stop_token& stop) {
  Page page;
  page.bytes = client_.call_raw("StreamJobEvents",
                                {{"job_id", job.at("job_id")},
                                 {"before_seq", number_at(job, "head_seq") + 1},
                                 {"max_events", 100}},
                                patient(stop));
  read_page(page);
  Json progress = progress_in(page.lines);
  if (!progress.is_object()) return;
  const std::lock_guard lock(mutex_);
  const std::string id = text_at(job, "job_id");
  if (!progress_.contains(id)) fresh_[id] = progress_[id] = std::move(progress);
}

void Board::ask(const std::stop_token& stop) {
  std::map<std::string, Json> jobs;
  for (const Json& filter :
       {Json{{"limit", kNewest}}, Json{{"limit", kUnfinished}, {"state", "running"}},
        Json{{"limit", kUnfinished}, {"state", "queued"}}})
    for (auto& job : list(filter, stop)) {
      // In a statement of its own: the assignment would move the job before it looks for its id.
      const std::string id = text_at(job, "job_id");
      jobs[id] = std::move(job);
    }
  // One that was unfinished, and is in no list any more, has ended.
  for (const auto& id : unfinished_)
    if (!jobs.contains(id)) try {
        jobs[id] = client_.call("GetJobStatus", {{"job_id", id}}, patient(stop));
      } catch (const ApiError& e) {
        if (e.name() != "E_NOT_FOUND" && e.name() != "E_GONE") throw;
      }
  Json changed = Json::array();
  std::map<std::string, std::size_t> seen;
  std::set<std::string> unfinished;
  std::vector<const Json*> running;
  for (const auto& [id, job] : jobs) {
    const std::size_t hash = seen[id] = std::hash<std::string>()(job.dump());
    const auto before = seen_.find(id);
    const bool is_new = before == seen_.end();
    if (is_new || before->second != hash) changed.push_back(job);
    if (!is_terminal_state(text_at(job, "state"))) unfinished.insert(id);
    if (is_new && text_at(job, "state") == "running") running.push_back(&job);
  }
  seen_ = std::move(seen);
  unfinished_ = std::move(unfinished);
  tell(std::move(changed), Json::object());
  for (const Json* job : running) ask_progress(*job, stop);
}

}  // namespace domed::console
