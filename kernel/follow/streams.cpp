#include "follow/streams.h"

#include <algorithm>

#include "log/refusal.h"
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
  if (request.since_seq > last)
    throw ApiError("E_CURSOR_AHEAD", "since_seq lies beyond the head", {{"head", last}});
  if (request.since_seq + 1 < first)
    throw ApiError("E_COMPACTED", "the events after since_seq were trimmed",
                   {{"first", first}, {"head", last}});
  return {
      head.log_id,          head.state, first, last, request.since_seq + 1, std::move(slice.events),
      std::move(slice.ends)};
}

// Both append the page's events, as JSON values or as strings of JSON, and return how many.
// `Immutable`: the values are the bytes of the store; only the LF behind each becomes a comma.
std::size_t put_lines(std::string& out, const LogPage& page) {
  const std::size_t begin = out.size();
  out.append(page.lines);
  for (const std::uint32_t end : page.ends) out[begin + end - 1] = ',';
  if (!page.ends.empty()) out.pop_back();
  return page.ends.size();
}

// Escaped they are longer, at most twice as long: "most" holds for what is sent, so the page may
// end before its last line, but not before its first.
std::size_t put_strings(std::string& out, const LogPage& page, std::size_t most) {
  const std::size_t begin = out.size();
  std::size_t count = 0, at = 0;
  for (const std::uint32_t end : page.ends) {
    const std::string text = json_string(std::string_view(page.lines).substr(at, end - at - 1));
    if (count > 0 && out.size() - begin + 1 + text.size() > most) break;
    if (count++ > 0) out += ',';
    out += text;
    at = end;
  }
  return count;
}

}  // namespace

Streams::Streams(const Store& store, Workers& workers, std::size_t most_polls,
                 EventsUrls events_urls)
    : store_(store), workers_(workers), events_urls_(std::move(events_urls)), polls_(most_polls) {}

void Streams::page(Call call) {
  const auto asked = std::make_shared<Asked>();
  PageRequest& request = asked->request;
  Params params(call.params);
  request.job_id = params.job_id();
  request.log_id = params.text("log_id").value_or("");
  request.since_seq = static_cast<std::uint64_t>(params.integer("since_seq", 0, 0, INT64_MAX));
  request.max_events =
      static_cast<std::size_t>(params.integer("max_events", 1000, 1, limits::kPageEvents));
  const auto bytes = static_cast<std::size_t>(params.integer("max_bytes", 1 << 20, 0, INT64_MAX));
  request.max_bytes = std::clamp(bytes, limits::kPageBytesLeast, limits::kPageBytesMost);
  asked->wait = std::chrono::milliseconds(params.integer("wait_ms", 0, 0, limits::kWaitMsMost));
  asked->lines = params.boolean("lines", false);
  params.done();
  asked->call = std::move(call);
  if (!answer_from_memory(asked)) answer_on_worker(asked);
}

void Streams::answer_on_worker(const AskedPtr& asked) {
  workers_.run(
      [this, asked] {
        try {
          if (!answer_from_memory(asked)) answer_from_store(asked);
        } catch (...) {
          asked->call.error(std::current_exception());
        }
      },
      [asked] { asked->call.error(stopping_error()); }, asked->call.peer.pipe);
}

bool Streams::answer_from_memory(const AskedPtr& asked) {
  const auto found = tails_.read(asked->request);
  if (!found) return false;
  if (must_wait(*asked, found->page)) {
    hold(asked, false);
    return true;
  }
  // A client may have seen the store's newer state before it asked; one that was let
  // go by a change asked before that change, and so before the next.
  const bool let_go = asked->released && !found->page.ends.empty();
  if (found->committing && !let_go) return false;
  answer(*asked, found->page);
  return true;
}

void Streams::answer_from_store(const AskedPtr& asked) {
  const PageRequest& request = asked->request;
  auto slice =
      store_.read(request.job_id, request.since_seq + 1, request.max_events, request.max_bytes);
  must_be_there(request.job_id, slice ? &slice->job : nullptr);
  const LogPage page = page_of(std::move(*slice), request);
  must_wait(*asked, page) ? hold(asked, true) : answer(*asked, page);
}

// Once at most: who was held and still has nothing gets an empty page, which is no end (`Tail`).
bool Streams::must_wait(const Asked& asked, const LogPage& page) {
  return page.ends.empty() && !is_terminal(page.state) && !asked.released && asked.wait.count() > 0;
}

void Streams::hold(const AskedPtr& asked, bool may_read) {
  if (!polls_.hold(
          asked->request.job_id, asked->call.peer.pipe, asked->wait,
          [this, asked] { release(asked); },
          [&] { return may_have_grown(asked->request, may_read); }))
    throw busy("the daemon holds as many polls as it may", 500);
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
    if (!answer_from_memory(asked)) answer_on_worker(asked);
  } catch (...) {
    asked->call.error(std::current_exception());
  }
}

// What changes after this was asked wakes the poll.
bool Streams::may_have_grown(const PageRequest& request, bool may_read) const {
  if (const auto found = tails_.read(request)) return !found->page.ends.empty();
  if (!may_read) return true;  // a worker finds out
  const auto slice = store_.read(request.job_id, request.since_seq + 1, 1, limits::kPageBytesLeast);
  return !slice || slice->job.tombstone || slice->job.head_seq > request.since_seq;
}

void Streams::committed(const Commit& commit) {
  // In this order: a poll that is let go first would find the page as it was, and be answered with
  // nothing.
  tails_.committed(commit);
  polls_.wake(commit.job_id);
}

// What the journal could not tell may be there: who waits for it looks again.
void Streams::forget(const std::string& job_id) {
  tails_.forget(job_id);
  polls_.wake(job_id);
}

void Streams::answer(const Asked& asked, const LogPage& page) const {
  std::string out = asked.call.begin_result(page.lines.size() + 512);
  out.append("{\"log_id\":\"").append(page.log_id);
  out.append("\",\"first_seq\":").append(std::to_string(page.first_seq));
  out.append(",\"head_seq\":").append(std::to_string(page.head_seq));
  out.append(",\"state\":\"").append(state_name(page.state)).append("\",\"events\":[");
  const std::size_t count =
      asked.lines ? put_strings(out, page, asked.request.max_bytes) : put_lines(out, page);
  // `Tail`: it ends with the page that reaches the terminal event, not with the first one that
  // knows the job is over.
  const bool more = page.from + count - 1 < page.head_seq;
  out.append("],\"more\":").append(more ? "true" : "false");
  out.append(",\"final\":").append(is_terminal(page.state) && !more ? "true" : "false");
  out.append(",\"events_urls\":")
      .append(OrderedJson(events_urls_(asked.request.job_id)).dump())
      .append("}");
  asked.call.end_result(std::move(out));
}

}  // namespace domed
