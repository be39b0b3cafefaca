#include "console/stream.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/units.h"
#include "client/event_line.h"
#include "client/follower.h"
#include "client/page.h"
#include "console/answer.h"

namespace domed::console {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kMostOfOne = 100;
constexpr auto kBeat = 5s;
// How long somebody whose token was taken away may read on.
constexpr auto kAskAgain = 10s;
// A follower that is begun here has these lines before the head, for browsers that come back.
constexpr std::uint64_t kBehindHead = 2000;
constexpr std::size_t kPiece = 256 << 10;

std::string event(const char* name, const std::string& data) {
  return std::string("event: ") + name + "\ndata: " + data + "\n\n";
}

bool send(httplib::DataSink& sink, const std::string& text) {
  return text.empty() || sink.write(text.data(), text.size());
}

// A browser's place in a log, and what it is told of it, step by step.
class LogStream {
 public:
  LogStream(ShownDaemon& daemon, std::string job_id, std::string log_id, std::uint64_t cursor,
            std::shared_ptr<StreamPlace> place, const std::atomic<bool>& stopping)
      : daemon_(daemon),
        job_id_(std::move(job_id)),
        log_id_(std::move(log_id)),
        cursor_(cursor),
        place_(std::move(place)),
        stopping_(stopping) {}

  // What is to be said next, after waiting for it; sets "over" with the last.
  std::string step(bool& over) try {
    if (stopping_) return over = true, "";
    place_->must_go_on();
    if (!begun_) return begin();
    const Feed::Look look = feed_->look(cursor_, connected_, Clock::now() + kBeat);
    std::string out = connection(look.connected);
    if (!look.log_id.empty() && look.log_id != log_id_)
      throw ApiError("E_LOG_CHANGED", "the job has another log now");
    if (look.behind) return out + page();
    if (!look.lines.empty()) out += lines(look.lines.begin(), look.lines.end(), look.last);
    if (look.closed) return over = true, out;
    if (look.ended && look.error) throw ApiError(*look.error);
    if (look.ended) out += event("end", "{}"), over = true;
    return out.empty() ? event("beat", "{}") : out;
  } catch (const ApiError& e) {
    // Nobody is told that it is over while it may go on.
    if (is_retryable(e) || e.name() == "E_UNREACHABLE") return wait_for_daemon();
    over = true;
    return event("problem", error_json(e));
  }

 private:
  std::string begin() {
    CallOptions options;
    options.deadline = 3s;
    const Json status = daemon_.client().call("GetJobStatus", {{"job_id", job_id_}}, options);
    const std::string log_id = text_at(status, "log_id");
    const std::uint64_t head = number_at(status, "head_seq");
    if (!log_id_.empty() && log_id_ != log_id)
      throw ApiError("E_LOG_CHANGED", "the job has another log now", {{"log_id", log_id}});
    if (cursor_ > head)
      throw ApiError("E_CURSOR_AHEAD", "there is no such event yet", {{"head", head}});
    log_id_ = log_id;
    const std::uint64_t near = head - std::min(head, kBehindHead);
    feed_ = daemon_.feed(job_id_, std::max(near, std::min(cursor_, head)));
    begun_ = true;
    return "retry: 1000\n\n" + connection(true);
  }
  std::string connection(bool connected) {
    if (connected == connected_) return "";
    connected_ = connected;
    return event("connection", connected ? R"({"connected":true})" : R"({"connected":false})");
  }
  // No daemon answers: a second is soon enough, and a browser that left is noticed by then.
  std::string wait_for_daemon() {
    const std::string out = connection(false);
    if (out.empty()) std::this_thread::sleep_for(1s);
    return out.empty() ? event("beat", "{}") : out;
  }
  std::string page() {
    CallOptions options;
    options.deadline = 10s;
    Page page;
    page.bytes = daemon_.client().call_raw(
        "StreamJobEvents", {{"job_id", job_id_}, {"since_seq", cursor_}, {"log_id", log_id_}},
        options);
    read_page(page);
    if (page.lines.empty()) return event("beat", "{}");
    return lines(page.lines.begin(), page.lines.end(), cursor_ + page.lines.size());
  }
  template <class Iterator>
  std::string lines(Iterator begin, Iterator end, std::uint64_t last) {
    std::string out = "id: " + log_id_ + ":" + std::to_string(last) + "\n";
    for (; begin != end; ++begin) out.append("data: ").append(*begin).append("\n");
    cursor_ = last;
    return out + "\n";
  }

  ShownDaemon& daemon_;
  const std::string job_id_;
  std::string log_id_;
  std::uint64_t cursor_;
  std::shared_ptr<Feed> feed_;
  bool connected_ = true, begun_ = false;
  const std::shared_ptr<StreamPlace> place_;
  const std::atomic<bool>& stopping_;
};

// "Last-Event-ID: LOG_ID:SEQ" goes before what the address says: it is where the browser is.
std::pair<std::string, std::uint64_t> place_in_log(const httplib::Request& request) {
  const std::string last = request.get_header_value("Last-Event-ID");
  const auto colon = last.find(':');
  if (colon != std::string::npos)
    if (const auto seq = parse_integer(last.substr(colon + 1)); seq && *seq >= 0)
      return {last.substr(0, colon), static_cast<std::uint64_t>(*seq)};
  return {text_param(request, "log_id"), number_param(request, "since").value_or(0)};
}

void stream(httplib::Response& response, std::function<std::string(bool& over)> step) {
  response.set_header("Cache-Control", "no-store");
  response.set_header("X-Accel-Buffering", "no");
  response.set_chunked_content_provider(
      "text/event-stream",
      [step = std::move(step)](std::size_t /*offset*/, httplib::DataSink& sink) {
        bool over = false;
        if (!send(sink, step(over))) return false;
        if (over) sink.done();
        return true;
      });
}

}  // namespace

StreamPlace::StreamPlace(Streams& all, std::shared_ptr<Session> session, Client* client,
                         LoginEnd end)
    : all_(all),
      session_(std::move(session)),
      client_(client),
      end_(std::move(end)),
      asked_(Clock::now()) {
  const bool room = ++all_.now <= all_.most;
  if (++*session_->streams <= kMostOfOne && room) return;
  --all_.now, --*session_->streams;
  throw ApiError("E_TOO_MANY", "too many pages follow something at this console: close some");
}

StreamPlace::~StreamPlace() {
  --all_.now;
  --*session_->streams;
}

void StreamPlace::must_go_on() {
  if (session_->ended) throw ApiError("E_LOGIN", "you have logged out");
  if (end_.clock() > end_.at)
    throw ApiError("E_LOGIN", session_->by_certificate
                                  ? "the certificate of your browser has expired"
                                  : "your login has expired");
  if (!client_ || Clock::now() < asked_ + kAskAgain) return;
  asked_ = Clock::now();
  CallOptions options;
  options.deadline = 3s;
  if (client_->call("WhoAmI", Json::object(), options).at("roles").empty())
    throw ApiError("E_FORBIDDEN", "you are not known any more here");
}

void follow_log(const httplib::Request& request, httplib::Response& response, ShownDaemon& daemon,
                std::shared_ptr<StreamPlace> place, const std::atomic<bool>& stopping) {
  const auto [log_id, cursor] = place_in_log(request);
  const auto log = std::make_shared<LogStream>(daemon, text_param(request, "job_id"), log_id,
                                               cursor, std::move(place), stopping);
  stream(response, [log](bool& over) { return log->step(over); });
}

void follow_jobs(httplib::Response& response, ShownDaemon& daemon,
                 std::shared_ptr<StreamPlace> place) {
  struct State {
    std::shared_ptr<Board> board;
    std::uint64_t cursor;
    bool connected = true, begun = false;
  };
  auto board = daemon.board();
  const std::uint64_t cursor = board->beginning();
  const auto state = std::make_shared<State>(State{std::move(board), cursor});
  stream(response, [state, place](bool& over) -> std::string {
    try {
      place->must_go_on();
    } catch (const ApiError& e) {
      // A daemon that is away tells of nothing either.
      if (!is_retryable(e) && e.name() != "E_UNREACHABLE") return over = true, "";
    }
    // What changed before is listed by who asks now; how far running jobs are is not.
    if (!std::exchange(state->begun, true))
      return "retry: 1000\n\n" +
             event("jobs",
                   Json{{"jobs", Json::array()}, {"progress", state->board->progress()}}.dump());
    const auto look = state->board->look(state->cursor, state->connected, Clock::now() + kBeat);
    if (look.closed) return over = true, "";
    std::string out;
    if (look.connected != state->connected)
      out +=
          event("connection", look.connected ? R"({"connected":true})" : R"({"connected":false})");
    if (look.missed) out += event("refresh", "{}");
    for (const auto& news : look.news) out += event("jobs", news);
    state->cursor = look.last;
    state->connected = look.connected;
    return out.empty() ? event("beat", "{}") : out;
  });
}

void download(httplib::Response& response, std::shared_ptr<Client> client,
              const std::string& job_id, bool events, const std::string& stream,
              std::shared_ptr<StreamPlace> place, const std::atomic<bool>& stopping) {
  std::string name;
  for (const char c : job_id.substr(0, 64))
    name += std::isalnum(static_cast<unsigned char>(c)) || c == '-' ? c : '_';
  response.set_header("Content-Disposition",
                      "attachment; filename=\"" + name + (events ? ".jsonl\"" : ".log\""));
  response.set_header("Cache-Control", "no-store");
  response.set_chunked_content_provider(
      events ? "application/x-ndjson" : "application/octet-stream",
      [=, &stopping](std::size_t /*offset*/, httplib::DataSink& sink) {
        FollowOptions options;
        options.job_id = job_id;
        options.follow = false;
        std::stop_source stop;
        options.stop = stop.get_token();
        Follower follower(*client, options);
        std::string piece;
        bool good = true;
        const auto flush = [&] {
          place->must_go_on();
          good = good && !stopping && send(sink, piece);
          piece.clear();
          if (!good) stop.request_stop();
        };
        try {
          follower.run([&](std::string_view line, std::uint64_t) {
            if (events) {
              piece.append(line).append("\n");
            } else if (const auto event = read_event_line(line); event && event->type == "log") {
              const auto output = read_output(event->payload);
              if (output && (stream.empty() || output->stream == stream)) piece += output->bytes;
            }
            if (piece.size() >= kPiece) flush();
          });
          flush();
        } catch (const std::exception&) {
          // What was given cannot be taken back: the browser sees a file that breaks off.
          return false;
        }
        if (good) sink.done();
        return good;
      });
}

}  // namespace domed::console
