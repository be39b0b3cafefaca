#include "runner/link.h"

#include <algorithm>

namespace domed {
namespace {

using namespace std::chrono_literals;

constexpr auto kPollWait = 10s;  // the longest that the protocol allows
constexpr auto kQuiet = 200ms;   // own appends would end each poll at once
constexpr auto kAfterError = 1s;
constexpr auto kReply = 10s;   // beyond the time that a poll is held
constexpr auto kAwayFor = 3s;  // a node that is only started again is waited for
constexpr auto kAtHome = 1s;   // for an answer to one who is out
constexpr auto kAtLeast = 200ms;
constexpr std::size_t kQueue = 16;  // batches in memory; the others are in the spool

// For how long a daemon has been silent is no matter of the time that this machine slept, in which
// nobody could have been heard: by a clock that sleeps with it.
std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool is_one_of(const ApiError& error, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), error.name()) != names.end();
}

bool is_lost(const ApiError& error) {
  return is_one_of(error, {"E_NOT_FOUND", "E_GONE", "E_UNAUTHORIZED"});
}

// No word on the run: they do not know, or do not let in, who asks.
bool keeps_out(const ApiError& error) {
  return is_one_of(error, {"E_FORBIDDEN", "E_UNTRUSTED", "E_PROTOCOL", "E_ELSEWHERE"});
}

}  // namespace

Link::Link(const Spec& spec, Spool& spool, std::function<void()> wake)
    : spec_(spec),
      token_member_("{\"producer_token\":" + json_string(spec.producer_token) + ","),
      spool_(spool),
      wake_(std::move(wake)),
      heard_at_(now_ms()),
      log_id_(spec.log_id),
      others_(spec.others),
      home_(spec.control.front(), {}, nullptr, {}),
      producer_(std::make_unique<Producer>(producer_options(spec.control.front(), {}))) {}

Link::~Link() = default;

ProducerOptions Link::producer_options(const std::string& endpoint,
                                       const Credentials& credentials) {
  ProducerOptions options;
  options.endpoint = endpoint;
  options.credentials = credentials;
  options.job_id = spec_.job_id;
  options.producer_id = spec_.producer_id;
  options.producer_token = spec_.producer_token;
  options.queue = kQueue;
  options.on_ack = [this](const Ack& ack) { acknowledged(ack); };
  options.on_error = [this](const ApiError& error) { refused(error); };
  return options;
}

void Link::send() {
  // One batch is taken from the spool at a time, and kept in "unsent_" while the producer is full:
  // next() hands each out once only.
  const std::scoped_lock lock(sending_);
  while (!refusal()) {
    if (!unsent_) unsent_ = spool_.next();
    if (!unsent_) return;
    try {
      // The token is put in here, and is in no file.
      if (!producer_->try_append_frozen(unsent_->batch, token_member_ + unsent_->line.substr(1)))
        return;
    } catch (const ApiError& error) {
      return refused(error);  // which stays as it is, until it goes to somebody else
    }
    unsent_.reset();
  }
}

void Link::watch() {
  watcher_ = std::jthread([this](const std::stop_token& stop) { watch_loop(stop); });
}

std::optional<ApiError> Link::refusal() const {
  const std::scoped_lock lock(mutex_);
  return refusal_;
}

std::chrono::milliseconds Link::silence() const {
  return std::chrono::milliseconds(now_ms() - heard_at_);
}

void Link::heard() {
  heard_at_ = now_ms();
}

void Link::acknowledged(const Ack& ack) {
  heard();
  spool_.acknowledge(ack.batch);
  {
    const std::scoped_lock lock(mutex_);
    head_ = std::max(head_, ack.head_seq);
    ++answers_;
  }
  changed_.notify_all();
  // A job that talks all the time learns of a cancel by this, sooner than by its poll.
  if (ack.cancel_requested) cancel_requested_ = true;
  told_to_pause(ack.head_seq, ack.paused);
  told_to_stop(ack.sent, ack.stop_in);
  // What is over by another's word, or nobody's, is not to be executed.
  if (spec_.fenced && ack.batch == 1 && ack.state != "running") sealed_ = true;
  wake_();
}

void Link::refused(const ApiError& error) {
  if (out_ && keeps_out(error)) {
    not_let_in_ = true;
    return;
  }
  heard();
  {
    const std::scoped_lock lock(mutex_);
    if (!refusal_) refusal_ = error;
  }
  wake_();
}

void Link::canceled() {
  cancel_requested_ = true;
  wake_();
}

// By acknowledgements, which skip what the poll has not come to, and by the events themselves: the
// word that is as of the newest event counts.
void Link::told_to_pause(std::uint64_t seq, bool paused) {
  const std::scoped_lock lock(mutex_);
  if (seq < pause_seq_) return;
  pause_seq_ = seq;
  paused_ = paused;
}

// The answer to the latest request counts, whatever came later than that: what an earlier one was
// told may have been taken back since.
void Link::told_to_stop(BootClock::time_point asked, std::optional<std::chrono::milliseconds> in) {
  const std::scoped_lock lock(mutex_);
  if (!spec_.fenced || asked < asked_) return;
  asked_ = asked;
  stop_at_ = in ? asked + *in : BootClock::time_point::max();
}

BootClock::time_point Link::stop_at() const {
  const std::scoped_lock lock(mutex_);
  return stop_at_;
}

void Link::watch_loop(const std::stop_token& stop) {
  while (!stop.stop_requested() && !sealed_ && !refusal()) {
    try {
      if (out_) come_home(stop);
      poll_once(stop);
    } catch (const ApiError& error) {
      poll_failed(error, stop);
    }
  }
}

Json Link::poll_params(std::chrono::milliseconds wait) {
  const std::scoped_lock lock(mutex_);
  asked_since_ = head_;
  Json params{{"job_id", spec_.job_id},
              {"log_id", log_id_},
              {"since_seq", head_},
              {"wait_ms", wait.count()},
              {"max_events", 1}};
  if (spec_.fenced) params["producer_token"] = spec_.producer_token;
  return params;
}

// For how long a poll may be waited for: somebody else has to be asked, and more than one, while
// the run has time.
std::chrono::milliseconds Link::patience() const {
  const auto at = stop_at();
  if (at == BootClock::time_point::max()) return kPollWait + kReply;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(at - BootClock::now());
  return std::clamp<std::chrono::milliseconds>(left / 4, kAtLeast, kPollWait + kReply);
}

void Link::poll_once(const std::stop_token& stop) {
  const auto patience = this->patience();
  const auto wait = std::min<std::chrono::milliseconds>(kPollWait, patience / 2);
  CallOptions options;
  options.await_daemon = true;
  options.repeat = !spec_.fenced;
  options.reply_timeout = patience - wait;
  options.deadline = std::max<std::chrono::milliseconds>(options.deadline, patience);
  if (not_let_in_.exchange(false)) throw ApiError("E_FORBIDDEN", "the others do not let us in");
  poll(out_ ? *other_ : home_, options, wait, stop);
}

// Whether it went: not for each restart of its daemon, but in time.
bool Link::go_out(const ApiError& error) {
  const bool is_away = error.name() == "E_UNREACHABLE" || is_unwell(error);
  if (!spec_.fenced || !is_away) return false;
  const auto now = BootClock::now();
  if (!away_since_) away_since_ = now;
  if (others_.empty()) return false;
  if (now - *away_since_ < std::min<std::chrono::milliseconds>(kAwayFor, patience())) return false;
  std::string endpoints;
  for (const auto& url : others_) endpoints += (endpoints.empty() ? "" : ",") + url;
  out_ = true;  // first: what its producer is refused is no word on the run
  try {
    other_.emplace(endpoints, Patience{}, nullptr, spec_.node);
    send_to(endpoints, spec_.node);
  } catch (const Error&) {  // such as a token that cannot be read: it is tried again
    out_ = false;
  }
  return out_;
}

// Whoever answers a poll watches the run, so that its own node is asked before another one is asked
// again.
void Link::come_home(const std::stop_token& stop) {
  CallOptions options;
  options.repeat = false;
  options.deadline = options.reply_timeout = kAtHome;
  try {
    poll(home_, options, 0ms, stop);
  } catch (const ApiError& error) {
    if (is_lost(error)) refused(error);
    return;
  }
  stay_home();
}

void Link::stay_home() {
  send_to(spec_.control.front(), {});
  out_ = not_let_in_ = false;
}

// From here on "endpoint" gets the batches, from the first that is not acknowledged: whoever had
// one of them knows it by its number.
void Link::send_to(const std::string& endpoint, const Credentials& credentials) {
  {
    const std::scoped_lock lock(sending_);
    auto next = std::make_unique<Producer>(producer_options(endpoint, credentials));
    producer_.reset();
    producer_ = std::move(next);
    unsent_.reset();
    spool_.rewind();
  }
  wake_();
}

void Link::poll(Client& client, CallOptions options, std::chrono::milliseconds wait,
                const std::stop_token& stop) {
  options.stop = stop;
  const auto asked = BootClock::now();
  const Json page = client.call("StreamJobEvents", poll_params(wait), options);
  heard();
  if (&client == &home_) {
    away_since_.reset();
    others_.clear();
    for (const auto& url : page.value("others", Json::array()))
      if (url.is_string()) others_.push_back(url.get<std::string>());
  }
  told_to_stop(asked, stop_in_of(page));
  if (spec_.fenced) wake_();
  // By its state and not by its last event: with max_events 1 the page may end before that one.
  const std::string state = page.value("state", "");
  if (!state.empty() && state != "queued" && state != "running") {
    sealed_ = true;
    return wake_();
  }
  const Json events = page.value("events", Json::array());
  for (const auto& event : events) {
    const std::string type = event.value("type", "");
    const auto seq = event.value("seq", std::uint64_t{0});
    if (type == "cancel_requested") canceled();
    if (type == "paused" || type == "resumed") {
      told_to_pause(seq, type == "paused");
      wake_();
    }
    const std::scoped_lock lock(mutex_);
    head_ = std::max(head_, seq);
  }
  if (!events.empty()) wait_for_quiet(stop);
}

// A seq that was trimmed away, or is not there yet after a restart, is no
// reason to give up: the next reply to an append tells the head.
void Link::poll_failed(const ApiError& error, const std::stop_token& stop) {
  if (error.name() != "E_UNREACHABLE") heard();  // a refusal is an answer too
  if (out_ && keeps_out(error)) {
    std::rotate(others_.begin(), others_.begin() + 1, others_.end());  // the next one may
    stay_home();
  } else if (!out_ && go_out(error)) {
    return;
  }
  // The job, or this log of it, is gone for good (LoudLoss): no retry brings it back.
  if (is_lost(error)) return refused(error);
  // An acknowledgement of the former log may be taken only behind its new name.
  const bool ahead = error.name() == "E_CURSOR_AHEAD" && log_id_ != spec_.log_id;
  if (error.name() == "E_LOG_CHANGED" || ahead) return follow_new_log(error);
  const auto pause = std::min<std::chrono::milliseconds>(kAfterError, patience());
  std::unique_lock lock(mutex_);
  const bool trimmed = error.name() == "E_COMPACTED" && error.fields().contains("first");
  if (trimmed) head_ = std::max(head_, error.fields().at("first").get<std::uint64_t>() - 1);
  changed_.wait_for(lock, stop, pause, [] { return false; });
}

// The store may have lost a part.  Where that is nothing that was acknowledged to us, the job goes
// on under the new name; else its output has a hole that nothing can fill.  What was acknowledged
// since that was asked is no part of the answer: the next poll asks for it.
void Link::follow_new_log(const ApiError& error) {
  const auto head = error.fields().value("head", std::uint64_t{0});
  {
    const std::scoped_lock lock(mutex_);
    if (head >= asked_since_) {
      log_id_ = error.fields().value("log_id", log_id_);
      return;
    }
  }
  refused(ApiError(error.name(), "the store lost acknowledged events: it has them up to seq " +
                                     std::to_string(head)));
}

void Link::wait_for_quiet(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (auto seen = answers_; !stop.stop_requested(); seen = answers_)
    if (!changed_.wait_for(lock, stop, kQuiet, [&] { return answers_ != seen; })) return;
}

}  // namespace domed
