#include "follow/streams.h"

#include <algorithm>

#include "log/refusal.h"
#include "log/token.h"
#include "protocol/limits.h"
#include "protocol/request.h"

namespace domed {
namespace {

// What "slice" holds, for a client that may see it.  Throws ApiError.
LogPage page_of(Slice slice, const PageRequest& request) {
  const JobHead head = head_of(slice.job);
  const std::uint64_t first = slice.job.first_seq, last = slice.job.head_seq;
  // `LoudLoss`, and in this order: a cursor into another log is neither ahead nor behind in this
  // one.
  if (!request.log_id.empty() && request.log_id != head.log_id)
    throw ApiError("E_LOG_CHANGED",
                   "job '" + request.job_id + "' has another log than log_id: start over from 0",
                   {{"log_id", head.log_id}, {"first", first}, {"head", last}});
  const std::uint64_t before = request.before_seq.value_or(0);
  if (request.since_seq > last || before > last + 1)
    throw ApiError("E_CURSOR_AHEAD",
                   request.before_seq ? "before_seq lies beyond the event that comes next"
                                      : "since_seq lies beyond the head",
                   {{"head", last}});
  if (request.before_seq ? before <= first && first > 1 : request.since_seq + 1 < first)
    throw ApiError("E_COMPACTED",
                   request.before_seq ? "the events below before_seq were trimmed"
                                      : "the events after since_seq were trimmed",
                   {{"first", first}, {"head", last}});
  const std::uint64_t from = !request.before_seq  ? request.since_seq + 1
                             : slice.ends.empty() ? std::max<std::uint64_t>(before, 1)
                                                  : slice.from;
  return {head.log_id,          head.state, first, last, from, std::move(slice.events),
          std::move(slice.ends)};
}

// `Immutable`: the values are the bytes of the store; only the LF behind each becomes a comma.
void put_lines(std::string& out, const LogPage& page) {
  const std::size_t begin = out.size();
  out.append(page.lines);
  for (const std::uint32_t end : page.ends) out[begin + end - 1] = ',';
  if (!page.ends.empty()) out.pop_back();
}

// Its lines as strings of JSON.  Escaped they are longer, at most twice as long: "most" holds for
// what is sent, so those that are farthest from where the page was asked for may be left out, but
// not all.  "page" then is one of those that are left.
std::string take_strings(LogPage& page, std::size_t most, bool backward) {
  const std::size_t count = page.ends.size();
  std::vector<std::string> texts;
  for (std::size_t n = 0, bytes = 0; n < count; ++n) {
    const std::size_t i = backward ? count - 1 - n : n;
    const std::size_t at = i == 0 ? 0 : page.ends[i - 1];
    texts.push_back(json_string(std::string_view(page.lines).substr(at, page.ends[i] - at - 1)));
    bytes += texts.back().size() + 1;
    if (n == 0 || bytes <= most + 1) continue;
    texts.pop_back();
    break;
  }
  if (backward) std::reverse(texts.begin(), texts.end()), page.from += count - texts.size();
  page.ends.resize(texts.size());
  std::string out;
  for (const auto& text : texts) out.append(out.empty() ? "" : ",").append(text);
  return out;
}

}  // namespace

Streams::Streams(const Store& store, Workers& workers, PollLimits polls, EventsUrls events_urls)
    : store_(store),
      workers_(workers),
      events_urls_(std::move(events_urls)),
      polls_(polls),
      ends_(polls) {}

void Streams::page(Call call) {
  call.peer.must_read();
  const auto asked = std::make_shared<Asked>();
  PageRequest& request = asked->request;
  Params params(call.params);
  request.job_id = params.job_id();
  request.log_id = params.text("log_id").value_or("");
  request.since_seq = static_cast<std::uint64_t>(params.integer("since_seq", 0, 0, INT64_MAX));
  if (params.all().contains("before_seq")) {
    request.before_seq = static_cast<std::uint64_t>(params.integer("before_seq", 0, 0, INT64_MAX));
    if (params.all().contains("since_seq"))
      invalid_request("give either 'since_seq' or 'before_seq', not both");
  }
  request.max_events =
      static_cast<std::size_t>(params.integer("max_events", 1000, 1, limits::kPageEvents));
  const auto bytes = static_cast<std::size_t>(params.integer("max_bytes", 1 << 20, 0, INT64_MAX));
  request.max_bytes = std::clamp(bytes, limits::kPageBytesLeast, limits::kPageBytesMost);
  asked->wait = std::chrono::milliseconds(params.integer("wait_ms", 0, 0, limits::kWaitMsMost));
  if (request.before_seq && asked->wait.count() > 0)
    invalid_request("'wait_ms' does not go with 'before_seq': what is older is there already");
  asked->lines = params.boolean("lines", false);
  request.token = params.text("producer_token").value_or("");
  params.done();
  if (shared_ && !request.token.empty()) asked->wait = std::min(asked->wait, shared_->poll_at_most);
  asked->call = std::move(call);
  if (!answer_from_memory(asked)) answer_on_worker(asked);
}

void Streams::answer_on_worker(const AskedPtr& asked) {
  workers_.run(
      [this, asked] {
        try {
          asked->call.must_still_be_allowed();
          asked->call.peer.must_read();
          if (!answer_from_memory(asked)) answer_from_store(asked);
        } catch (...) {
          asked->call.error(std::current_exception());
        }
      },
      [asked] { asked->call.error(stopping_error()); }, asked->call.sender());
}

bool Streams::answer_from_memory(const AskedPtr& asked) {
  if (shared_) return false;
  auto found = tails_.read(asked->request);
  if (!found) return false;
  if (must_wait(*asked, found->page)) {
    hold(asked, false);
    return true;
  }
  // A client may have seen the store's newer state before it asked; one that was let
  // go by a change asked before that change, and so before the next.
  const bool let_go = asked->released && !found->page.ends.empty();
  if (found->committing && !let_go) return false;
  answer(*asked, std::move(found->page));
  return true;
}

// The fence for who only listens.  Returns whether it is a run's.
bool Streams::must_be_producer(const JobRecord& record, const JobHead& head,
                               const std::string& token) {
  if (!is_token(head.run_token, token))
    throw ApiError("E_UNAUTHORIZED", "producer_token is not that of job '" + record.job_id + "'");
  return !head.external;
}

// `OwnOnly`: a run lives by the lease of the node that it asks, which the record has to say before
// that tells it how long.
void Streams::come_to_watch(const AskedPtr& asked) {
  asked->watched = true;
  shared_->watch(asked->request.job_id, asked->request.token,
                 [this, asked](std::exception_ptr refusal) {
                   refusal ? asked->call.error(refusal) : answer_on_worker(asked);
                 });
}

void Streams::answer_from_store(const AskedPtr& asked) {
  const PageRequest& request = asked->request;
  const bool backward = request.before_seq.has_value();
  auto slice = store_.read(
      request.job_id,
      backward ? std::max<std::uint64_t>(*request.before_seq, 1) : request.since_seq + 1,
      request.max_events, request.max_bytes, backward ? Direction::backward : Direction::forward);
  must_be_there(request.job_id, slice ? &slice->job : nullptr);
  bool is_run = false;
  if (!request.token.empty()) {
    const JobHead head = head_of(slice->job);
    is_run = must_be_producer(slice->job, head, request.token);
    if (is_run && shared_ && !is_terminal(head.state) && head.watcher != shared_->node) {
      if (!asked->watched) return come_to_watch(asked);
      throw elsewhere(request.job_id, head.watcher);  // which came in between
    }
  }
  LogPage page = page_of(std::move(*slice), request);
  page.is_run = is_run;
  must_wait(*asked, page) ? hold(asked, true) : answer(*asked, std::move(page));
}

// Once at most: who was held and still has nothing gets an empty page, which is no end (`Tail`).
bool Streams::must_wait(const Asked& asked, const LogPage& page) {
  return page.ends.empty() && !is_terminal(page.state) && !asked.released && asked.wait.count() > 0;
}

void Streams::hold(const AskedPtr& asked, bool may_read) {
  asked->call.waited = true;
  const char* why = polls_.hold(
      poll_of(asked->request.job_id, {asked, &asked->call}, asked->wait,
              [this, asked] { release(asked); }),
      [&] { return !asked->call.may_still() || may_have_grown(asked->request, may_read); });
  if (why) throw why == Polls::kStopping ? stopping_error() : busy(why, 500);
}

Polls::Poll Streams::poll_of(const std::string& job_id, const std::shared_ptr<const Call>& call,
                             std::chrono::milliseconds wait, Polls::Release release) {
  return {job_id, call->peer.pipe,    call->who->name,
          wait,   std::move(release), [call] { return call->may_still(); }};
}

void Streams::release(const AskedPtr& asked) {
  asked->released = true;
  {
    const std::lock_guard lock(mutex_);
    released_.push_back(asked);
    if (std::exchange(answering_, true)) return;
  }
  workers_.run(
      [this] { answer_released([this](const AskedPtr& one) { answer_at_last(one); }); },
      [this] { answer_released([](const AskedPtr& one) { one->call.error(stopping_error()); }); });
}

void Streams::answer_released(const std::function<void(const AskedPtr&)>& answer) {
  for (;;) {
    std::vector<AskedPtr> those;
    {
      const std::lock_guard lock(mutex_);
      those.swap(released_);
      answering_ = !those.empty();
    }
    if (those.empty()) return;
    for (const AskedPtr& one : those) answer(one);
  }
}

// What the store has to be asked for must not keep those behind it.
void Streams::answer_at_last(const AskedPtr& asked) {
  try {
    asked->call.must_still_be_allowed();
    asked->call.peer.must_read();
    if (!answer_from_memory(asked)) answer_on_worker(asked);
  } catch (...) {
    asked->call.error(std::current_exception());
  }
}

// What changes after this was asked wakes the poll.
bool Streams::may_have_grown(const PageRequest& request, bool may_read) const {
  if (!shared_)
    if (const auto found = tails_.read(request)) return !found->page.ends.empty();
  if (!may_read) return true;  // a worker finds out
  const auto slice = store_.read(request.job_id, request.since_seq + 1, 1, limits::kPageBytesLeast);
  return !slice || slice->job.tombstone || slice->job.head_seq > request.since_seq;
}

void Streams::committed(const Commit& commit) {
  // In this order: a poll that is let go first would find the page as it was, and be answered with
  // nothing.
  if (!shared_) tails_.committed(commit);
  polls_.wake(commit.job_id);
  if (is_terminal(commit.state) || commit.gone) ends_.wake(commit.job_id);
}

// From a worker: whether the job is over already is asked of the store.
void Streams::when_over(const std::string& job_id, const Call& call, std::chrono::milliseconds wait,
                        const Workers::Task& over, const Workers::Task& dropped) {
  const Sender sender = call.sender();
  const auto begin = [=, this, call = std::make_shared<const Call>(call)] {
    const char* why =
        ends_.hold(poll_of(job_id, call, wait, [=, this] { workers_.run(over, dropped, sender); }),
                   [&] { return !call->may_still() || may_be_over(job_id); });
    if (why) over();
  };
  workers_.run(begin, dropped, sender);
}

// Where it cannot be told, whoever waits finds out.
bool Streams::may_be_over(const std::string& job_id) const try {
  const auto record = store_.find(job_id);
  return !record || record->tombstone || is_terminal(head_of(*record).state);
} catch (const std::exception&) {
  return true;
}

void Streams::client_left(std::uint32_t pipe) {
  polls_.client_left(pipe);
  ends_.client_left(pipe);
}

void Streams::look_again() {
  polls_.look_again();
  ends_.look_again();
}

void Streams::stop() {
  polls_.stop();
  ends_.stop();
}

// What the journal could not tell may be there: who waits for it looks again.
void Streams::forget(const std::string& job_id) {
  tails_.forget(job_id);
  polls_.wake(job_id);
  ends_.wake(job_id);
}

void Streams::changed_all() {
  polls_.wake_all();
  ends_.wake_all();
}

void Streams::answer(const Asked& asked, LogPage page) const {
  const bool backward = asked.request.before_seq.has_value();
  const std::string strings =
      asked.lines ? take_strings(page, asked.request.max_bytes, backward) : "";
  std::string out = asked.call.begin_result(page.lines.size() + 512);
  out.append("{\"log_id\":\"").append(page.log_id);
  out.append("\",\"first_seq\":").append(std::to_string(page.first_seq));
  out.append(",\"head_seq\":").append(std::to_string(page.head_seq));
  out.append(",\"state\":\"").append(state_name(page.state)).append("\",\"events\":[");
  asked.lines ? void(out.append(strings)) : put_lines(out, page);
  // `Tail`: it ends with the page that reaches the terminal event, not with the first one that
  // knows the job is over.
  const bool to_head = page.from + page.ends.size() > page.head_seq;
  const bool more = backward ? !page.ends.empty() && page.from > page.first_seq : !to_head;
  out.append("],\"more\":").append(more ? "true" : "false");
  out.append(",\"final\":").append(is_terminal(page.state) && to_head ? "true" : "false");
  if (shared_ && page.is_run) {
    if (const auto left = shared_->tell(asked.request.job_id))
      out.append(",\"stop_in_ms\":").append(std::to_string(left->count()));
    out.append(",\"others\":").append(OrderedJson(shared_->others()).dump());
  }
  out.append(",\"events_urls\":")
      .append(OrderedJson(events_urls_(asked.request.job_id)).dump())
      .append("}");
  asked.call.end_result(std::move(out));
}

}  // namespace domed
