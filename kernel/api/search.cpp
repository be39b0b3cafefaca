#include "api/search.h"

#include <chrono>
#include <deque>
#include <string>

#include "base/json.h"
#include "log/job.h"
#include "log/refusal.h"
#include "protocol/event.h"
#include "protocol/limits.h"
#include "protocol/request.h"
#include "search/matcher.h"

namespace domed {
namespace {

using Clock = std::chrono::steady_clock;

// What a request looks at, and what it gives: where one of these is reached it ends, and the next
// goes on.
constexpr std::size_t kMostBytes = 64u << 20;
constexpr std::chrono::milliseconds kMostTime{200};
constexpr std::size_t kReadBytes = 1u << 20;
constexpr std::size_t kGivenBytes = 1u << 20;

struct Asked {
  std::string job_id, log_id;
  std::optional<std::uint64_t> since_seq;
  std::uint64_t until_seq = 0;
  std::size_t limit = 0, context = 0;
  Matcher matcher;
};

Matcher matcher_of(Params& params) {
  const auto literal = params.text("literal", 64 * 1024),
             pattern = params.text("pattern", 64 * 1024);
  if (literal.has_value() == pattern.has_value())
    invalid_request("give either 'literal' or 'pattern'");
  try {
    return literal ? Matcher::literal(*literal) : Matcher::pattern(*pattern);
  } catch (const Error& e) {
    invalid_request(std::string(literal ? "'literal': " : "'pattern': ") + e.what());
  }
}

Asked read(const std::string& text) {
  Params params(text);
  Asked out;
  out.job_id = params.job_id();
  out.log_id = params.text("log_id").value_or("");
  if (params.all().contains("since_seq"))
    out.since_seq = static_cast<std::uint64_t>(params.integer("since_seq", 0, 0, INT64_MAX));
  out.until_seq = static_cast<std::uint64_t>(params.integer("until_seq", INT64_MAX, 0, INT64_MAX));
  out.limit = static_cast<std::size_t>(params.integer("limit", 100, 1, 1000));
  out.context = static_cast<std::size_t>(params.integer("context", 0, 0, 100));
  out.matcher = matcher_of(params);
  params.done();
  return out;
}

// The payload of an output event; empty: the line is another's.  A job's id cannot fake it, for in
// a string of JSON a quote has a backslash before it.
std::string_view output_payload(std::string_view line) {
  constexpr std::string_view kType = ",\"type\":\"", kLog = "log\",\"payload\":";
  const std::size_t at = line.find(kType);
  if (at == std::string_view::npos || !line.substr(at + kType.size()).starts_with(kLog)) return {};
  line.remove_prefix(at + kType.size() + kLog.size());
  line.remove_suffix(1);
  return line;
}

// What was written, where the payload has it as it is, which nearly all have: without an escape,
// and in the form that our runner gives it.
std::optional<std::string_view> plain_text(std::string_view payload) {
  constexpr std::string_view kStream = "{\"stream\":\"", kText = "\",\"text\":\"";
  if (!payload.starts_with(kStream) || payload.find('\\') != std::string_view::npos)
    return std::nullopt;
  const std::size_t name = payload.find('"', kStream.size());
  if (!payload.substr(name).starts_with(kText)) return std::nullopt;
  const std::string_view text = payload.substr(name + kText.size());
  const std::size_t end = text.find('"');
  const std::string_view rest = text.substr(end);
  if (rest != "\"}" && rest != "\",\"eol\":false}" && rest != "\",\"eol\":true}")
    return std::nullopt;
  return text.substr(0, end);
}

bool matches(const Matcher& matcher, std::string_view payload) {
  if (const auto text = plain_text(payload)) return matcher.in(*text);
  std::string bytes = read_event("log", std::string(payload), Author::producer, "").bytes;
  if (bytes.ends_with('\n')) bytes.pop_back();
  return matcher.in(bytes);
}

// One request's way through a log.
class Search {
 public:
  Search(const Store& store, Asked asked) : store_(store), asked_(std::move(asked)) {}

  std::string result() {
    const std::uint64_t from = begin();
    looked_to_ = from - 1;
    for (std::uint64_t seq = from; !over_ && seq <= std::min(asked_.until_seq, head_seq_);) {
      const Slice slice = page(seq);
      if (slice.ends.empty()) break;
      if (slice.from != seq) throw compacted();  // trimmed while this went on
      std::size_t at = 0;
      for (std::size_t i = 0; i < slice.ends.size() && !over_; ++i, ++seq) {
        if (seq > asked_.until_seq) break;
        look_at(std::string_view(slice.events).substr(at, slice.ends[i] - at - 1), seq);
        at = slice.ends[i];
      }
    }
    return text();
  }

 private:
  // One snapshot for each page; what the log became meanwhile is told, and never mixed
  // (`Identity`).
  Slice page(std::uint64_t seq, std::size_t most = limits::kPageEvents) {
    auto slice = store_.read(asked_.job_id, seq, most, kReadBytes);
    must_be_there(asked_.job_id, slice ? &slice->job : nullptr);
    const JobHead head = head_of(slice->job);
    first_seq_ = slice->job.first_seq, head_seq_ = slice->job.head_seq, state_ = head.state;
    if (asked_.log_id.empty()) asked_.log_id = head.log_id;
    if (asked_.log_id != head.log_id)
      throw ApiError("E_LOG_CHANGED",
                     "job '" + asked_.job_id + "' has another log than log_id: start over from 0",
                     {{"log_id", head.log_id}, {"first", first_seq_}, {"head", head_seq_}});
    return std::move(*slice);
  }

  // `LoudLoss`: who names a cursor is told that something is missing behind it.
  std::uint64_t begin() {
    page(asked_.since_seq.value_or(0) + 1, 1);
    if (!asked_.since_seq) {
      before(first_seq_);
      return first_seq_;
    }
    if (*asked_.since_seq > head_seq_)
      throw ApiError("E_CURSOR_AHEAD", "since_seq lies beyond the head", {{"head", head_seq_}});
    if (*asked_.since_seq + 1 < first_seq_) throw compacted();
    before(*asked_.since_seq + 1);
    return *asked_.since_seq + 1;
  }

  ApiError compacted() const {
    return {"E_COMPACTED",
            "the events after since_seq were trimmed",
            {{"first", first_seq_}, {"head", head_seq_}}};
  }

  // The context of a match at the very beginning.
  void before(std::uint64_t seq) {
    if (asked_.context == 0 || seq <= first_seq_) return;
    const auto slice =
        store_.read(asked_.job_id, seq, 2 * asked_.context + 16, kReadBytes, Direction::backward);
    if (!slice) return;
    std::size_t at = 0;
    for (const std::uint32_t end : slice->ends) {
      const std::string_view line = std::string_view(slice->events).substr(at, end - at - 1);
      if (!output_payload(line).empty()) remember(line);
      at = end;
    }
  }

  void remember(std::string_view line) {
    if (asked_.context == 0) return;
    if (before_.size() == asked_.context) before_.pop_front();
    before_.emplace_back(line);
  }

  void give(std::string_view line) {
    if (!events_.empty()) events_ += ',';
    events_ += line;
  }

  void look_at(std::string_view line, std::uint64_t seq) {
    bytes_ += line.size() + 1;
    const std::string_view payload = output_payload(line);
    if (!payload.empty()) {
      if (count_ < asked_.limit && matches(asked_.matcher, payload)) {
        for (const auto& earlier : before_) give(earlier);
        before_.clear();
        give(line);
        found_ += (count_++ == 0 ? "" : ",") + std::to_string(seq);
        after_ = asked_.context;
      } else if (after_ > 0) {
        give(line);
        --after_;
      } else {
        remember(line);
      }
    }
    // Behind the last match that is given there may be others in its context: they are the next
    // request's.
    if (!full()) looked_to_ = seq;
    over_ = (after_ == 0 && (full_ || spent())) || events_.size() > limits::kPageBytesMost;
  }

  bool full() {
    const bool before = full_;
    full_ = count_ == asked_.limit;
    return before;
  }

  bool spent() {
    return bytes_ >= kMostBytes || events_.size() >= kGivenBytes ||
           (++looks_ % 64 == 0 && Clock::now() >= end_);
  }

  std::string text() const {
    return "{\"log_id\":\"" + asked_.log_id + "\",\"first_seq\":" + std::to_string(first_seq_) +
           ",\"head_seq\":" + std::to_string(head_seq_) + ",\"state\":\"" +
           std::string(state_name(state_)) + "\",\"matches\":[" + found_ + "],\"events\":[" +
           events_ + "],\"looked_to\":" + std::to_string(looked_to_) +
           ",\"more\":" + (looked_to_ < std::min(asked_.until_seq, head_seq_) ? "true" : "false") +
           "}";
  }

  const Store& store_;
  Asked asked_;
  const Clock::time_point end_ = Clock::now() + kMostTime;
  std::uint64_t first_seq_ = 0, head_seq_ = 0, looked_to_ = 0;
  State state_ = State::queued;
  std::deque<std::string> before_;  // what a match that comes has before it
  std::string events_, found_;
  std::size_t count_ = 0, after_ = 0, bytes_ = 0, looks_ = 0;
  bool full_ = false, over_ = false;
};

}  // namespace

void SearchMethods::search_job(Call call) {
  if (!waiting_.enter(call.who->name))
    throw busy("as many searches wait as may, of all or of yours", 500);
  call.reply = [this, who = call.who, reply = std::move(call.reply)](std::string text) {
    waiting_.leave(who->name);
    reply(std::move(text));
  };
  const auto asked = std::make_shared<Call>(std::move(call));
  workers_.run(
      [this, asked] {
        try {
          asked->must_still_be_allowed();
          asked->peer.must_read();
          const std::string found = Search(store_, read(asked->params)).result();
          asked->must_still_be_allowed();
          asked->result(found);
        } catch (...) {
          asked->error(std::current_exception());
        }
      },
      [asked] { asked->error(stopping_error()); }, asked->sender());
}

}  // namespace domed
