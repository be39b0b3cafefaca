#include "client/client.h"

#include <simdjson.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "base/units.h"
#include "client/backoff.h"
#include "client/calling.h"
#include "client/peer.h"
#include "protocol/endpoint.h"

namespace domed {
namespace {

namespace od = simdjson::ondemand;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A daemon that lets a connection wait so long for its first word is stopped or stuck.
constexpr milliseconds kDialTime{5000};
// Without any connection for so long, a daemon that was there is taken to be gone.
constexpr milliseconds kConnectTime{2000};
// Between two looks for a daemon that is to come any moment.
constexpr milliseconds kLookAgain{20};

std::string no_daemon(const std::vector<Connection::Failure>& failures) {
  std::string text;
  for (const auto& [url, error] : failures) {
    if (is_starting(url))
      return "no daemon answers at " + url + " yet, but one holds the lock " +
             lock_beside(*ipc_path_of(url)) +
             ": it is still starting; try again later, its log says what it is doing";
    text += (text.empty() ? "" : ", nor at ") + url + " (" + connect_failure(url, error) + ")";
  }
  return "no daemon answers at " + text +
         ": start one with 'domed --config FILE', or name another with --endpoint or "
         "DOMED_ENDPOINT";
}

// A daemon is there, and has no room now.
bool is_passing(int error) {
  return error == EAGAIN || error == ECONNRESET;
}

std::string no_answer(const std::string& url, milliseconds waited) {
  return "no answer from " + url + " within " + format_duration(waited) +
         " although it accepts connections: the daemon may be stopped or overloaded, or this is "
         "not its control socket";
}

[[noreturn]] void stopped() {
  throw ApiError("E_STOPPED", "the call was stopped by its caller");
}

milliseconds since(Clock::time_point begin) {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
}

// For one attempt of a call that began at "begin".
milliseconds left(Clock::time_point begin, const CallOptions& options) {
  const auto left = std::chrono::ceil<milliseconds>(begin + options.deadline - Clock::now());
  // At least a millisecond: what is asked for is tried.
  return std::clamp(left, milliseconds(1), options.reply_timeout);
}

// Not sleep_for: whoever is told to stop should not wait out two seconds.
void pause(milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

[[noreturn]] void throw_error(std::string_view raw, const std::string& url) {
  const Json error = Json::parse(raw, nullptr, false);
  if (!error.is_object() || !error.contains("message")) not_an_answer(url, "an odd error");
  Json data = error.value("data", Json::object());
  // What is missing is put in: an error that cannot be read in full is an error all the same.
  if (!data.is_object()) data = Json::object();
  const Json name = data.value("error", Json("E_INTERNAL"));
  data.erase("error");
  throw ApiError(name.is_string() ? name.get<std::string>() : "E_INTERNAL",
                 error["message"].is_string() ? error["message"].get<std::string>() : "", data);
}

}  // namespace

bool is_unwell(const ApiError& error) {
  if (error.name() == "E_BUSY")
    return has_field(error, "stopping") && error.fields()["stopping"] == true;
  return (error.name() == "E_STORE" && is_retryable(error)) || error.name() == "E_STARTING";
}

bool is_retryable(const ApiError& error) {
  if (error.name() == "E_UNREACHABLE") return true;
  if (has_field(error, "retryable") && error.fields()["retryable"].is_boolean())
    return error.fields()["retryable"].get<bool>();
  return error.retryable();
}

std::optional<milliseconds> retry_after(const ApiError& error) {
  const auto wait = number_field(error, "retry_ms");
  if (!wait) return std::nullopt;
  return milliseconds(std::clamp<std::uint64_t>(*wait, 1, 60'000));
}

std::optional<std::uint64_t> number_field(const ApiError& error, const char* name) {
  if (!has_field(error, name) || !error.fields()[name].is_number_unsigned()) return std::nullopt;
  return error.fields()[name].get<std::uint64_t>();
}

namespace {

// Our daemon's replies have one form, and pages are large: no need to parse them
// twice.  Empty: not that form.
std::string_view plain_result(std::string_view reply) {
  constexpr std::string_view kBegin = R"({"jsonrpc":"2.0","id":)", kResult = R"(,"result":)";
  if (!reply.starts_with(kBegin) || !reply.ends_with("}}")) return {};
  std::size_t at = kBegin.size();
  while (at < reply.size() && reply[at] >= '0' && reply[at] <= '9') ++at;
  if (reply.substr(at, kResult.size()) != kResult || reply[at + kResult.size()] != '{') return {};
  reply.remove_suffix(1);
  return reply.substr(at + kResult.size());
}

}  // namespace

std::string result_of(std::string_view reply, const std::string& url) {
  if (const std::string_view plain = plain_result(reply); !plain.empty()) {
    std::string result;
    result.reserve(plain.size() + simdjson::SIMDJSON_PADDING);  // for who parses it
    return result.append(plain);
  }
  const simdjson::padded_string padded(reply);
  od::parser parser;
  od::document document;
  od::object object;
  std::string result, error;
  if (parser.iterate(padded).get(document) || document.get_object().get(object))
    not_an_answer(url, "not a JSON object");
  for (auto item : object) {
    od::field field;
    std::string_view raw;
    if (std::move(item).get(field)) not_an_answer(url, "damaged JSON");
    std::string_view key;
    if (field.unescaped_key().get(key)) not_an_answer(url, "damaged JSON");
    const bool is_result = key == "result", is_error = key == "error";
    if (!is_result && !is_error) continue;
    od::object inner;
    if (field.value().get_object().get(inner) || inner.raw_json().get(raw))
      not_an_answer(url, is_result ? "its result is not an object" : "its error is not an object");
    // simdjson gives what stands before the next comma, white space included.
    raw.remove_suffix(raw.size() - raw.rfind('}') - 1);
    (is_result ? result : error) = raw;
  }
  if (!error.empty()) throw_error(error, url);
  if (result.empty()) not_an_answer(url, "neither result nor error");
  return result;
}

class Client::Pending {
 public:
  const Clock::time_point begin;  // of the call, its earlier attempts included
  const std::stop_token stop;
  std::string* const answered_by;
  const std::string url;  // that it is sent to, unless the connection is lost just then
  const std::shared_ptr<Channel::Exchange> exchange;
};

Client::Client(std::string endpoint, Patience patience, Trouble::Tell tell, Credentials credentials)
    : credentials_(std::move(credentials)),
      channel_(endpoints_of(endpoint), credentials_),
      patience_(std::move(patience)),
      trouble_(std::move(tell)) {}

void Client::met(const ApiError& error) {
  if (channel_.urls().size() == 1 || error.name() == "E_UNREACHABLE") return trouble_.met(error);
  trouble_.met(ApiError(error.name(), endpoint() + ": " + error.what(), error.fields()));
}

Json Client::call(std::string_view method, const Json& params, const CallOptions& options) {
  Json result = Json::parse(call_raw(method, params, options), nullptr, false);
  if (result.is_discarded()) not_an_answer(endpoint(), "damaged JSON");
  return result;
}

std::string Client::call_raw(std::string_view method, const Json& params,
                             const CallOptions& options) {
  CallOptions held = options;
  held.reply_timeout += held_for(params);
  const bool makes_a_job = method == "SubmitJob" || method == "RetryJob";
  if (makes_a_job && channel_.urls().size() > 1) return make_job(method, params, held);
  return call_text(method, text_of(params), held);
}

std::string Client::call_text(std::string_view method, std::string_view params,
                              const CallOptions& options) {
  const std::string request = request_text(method, params);
  const auto begin = Clock::now();
  // The same bytes, id and all: whether the request was done or not cannot be known, and every
  // method may be repeated (IdempotentSubmit, IdempotentAppend, and the others by their nature).
  return repeated(options, [&] { return finish(*send(request, begin, options)); });
}

std::string Client::repeated(const CallOptions& options,
                             const std::function<std::string()>& attempt) {
  const auto deadline = Clock::now() + options.deadline;
  std::optional<ApiError> answer;  // says more than that time ran out
  for (milliseconds backoff = kFirstPause;; backoff = std::min(backoff * 2, kLongestPause)) {
    try {
      std::string result = attempt();
      trouble_.over();
      return result;
    } catch (const ApiError& e) {
      if (!options.repeat || !is_retryable(e) ||
          (has_field(e, "never_there") && !options.await_daemon))
        throw;
      if (e.name() != "E_UNREACHABLE") answer = e;
      const milliseconds wait = retry_after(e).value_or(backoff);
      if (Clock::now() + wait >= deadline) throw ApiError(answer.value_or(e));
      met(e);
      pause(wait, options.stop);
    }
  }
}

std::string Client::request_text(std::string_view method, std::string_view params) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(next_id_++) + R"(,"method":)" +
         json_string(method) + R"(,"params":)" + std::string(params) + "}";
}

std::shared_ptr<Client::Pending> Client::begin(std::string_view method, const Json& params,
                                               const CallOptions& options) {
  CallOptions held = options;
  held.reply_timeout += held_for(params);
  channel_.read_ahead();
  return send(request_text(method, text_of(params)), Clock::now(), held);
}

// Whether a daemon may be about to listen at one of the URLs that just failed.
bool Client::may_come(Clock::time_point begin, const CallOptions& options,
                      milliseconds passed) const {
  if (Clock::now() + kLookAgain >= begin + options.deadline) return false;
  for (const auto& [url, error] : channel_.failures())
    if (nobody_listens(url, error) &&
        (passed < patience_.unseen || (passed < patience_.starting && is_starting(url))))
      return true;
  return false;
}

// The first call's dial goes on while a daemon may be about to listen.  A sign that goes away, as
// of one that failed, ends the wait at once, unless another could still be about to show.
int Client::dial(Clock::time_point begin, const CallOptions& options) {
  const auto first = Clock::now();
  for (milliseconds gap = kLookAgain;;) {
    const int result = channel_.dial(std::min(left(begin, options), kDialTime), options.stop);
    const milliseconds passed = since(first);
    if (waited_ || result == 0 || result == ETIMEDOUT || result == ECANCELED ||
        !may_come(begin, options, passed)) {
      // One that is on its way out still takes connections, and resets them: another may follow.
      waited_ = !is_passing(result);
      return result;
    }
    if (passed >= patience_.unseen && patience_.tell)
      std::call_once(told_, patience_.tell, endpoint());
    // Somebody else is at one of the other URLs, and meets us each time.
    if (channel_.distrust()) gap = std::min(gap * 2, kLongestPause);
    pause(gap, options.stop);
  }
}

std::shared_ptr<Client::Pending> Client::send(const std::string& request, Clock::time_point begin,
                                              const CallOptions& options,
                                              const std::string* only_at) {
  const int result = dial(begin, options);
  const milliseconds timeout = left(begin, options);
  const std::stop_token& stop = options.stop;
  const bool connected =
      result == 0 && channel_.await_connection(std::min(timeout, kConnectTime), stop);
  // From the most to the least particular: who was told to stop does not care; a daemon that must
  // not be trusted was there; one that was never there is not worth waiting for; one that is gone
  // is.
  if (!connected && stop.stop_requested()) stopped();
  if (const auto why = channel_.distrust(); why && !connected) throw ApiError("E_UNTRUSTED", *why);
  if (result != 0)
    throw ApiError(
        "E_UNREACHABLE",
        result == ETIMEDOUT ? no_answer(endpoint(), since(begin)) : no_daemon(channel_.failures()),
        is_passing(result) ? Json() : Json{{"never_there", true}});
  if (!connected)
    unreachable("nobody takes requests at " + endpoint() +
                " any more: the daemon is gone, has too many connections or does not serve this "
                "user (its log says which), or this is another socket than its control socket");
  return std::make_shared<Pending>(Pending{begin, stop, options.answered_by, endpoint(),
                                           channel_.begin(request, timeout, only_at)});
}

std::string Client::finish(Pending& pending) {
  Channel::Reply reply;
  const int result = channel_.finish(*pending.exchange, pending.stop, reply);
  if (result == 0) return taken(reply, pending);
  if (result == ECANCELED) stopped();
  const std::string& url = reply.url() ? *reply.url() : pending.url;
  if (result == ETIMEDOUT) channel_.doubt(*pending.exchange);
  throw ApiError("E_UNREACHABLE",
                 result == ETIMEDOUT ? no_answer(url, since(pending.begin))
                                     : "lost the connection to " + url + ": " + strerror(result),
                 reply.url() ? Json() : Json{{"unsent", true}});
}

std::string Client::taken(const Channel::Reply& reply, const Pending& pending) try {
  std::string result = result_of(reply.body(), *reply.url());
  if (pending.answered_by) *pending.answered_by = *reply.url();
  const std::string* const before = heard_from_.exchange(reply.url());
  if (before && before != reply.url() && tell_move_) tell_move_(*before, *reply.url());
  return result;
} catch (const ApiError& e) {
  if (is_unwell(e)) channel_.leave(*reply.url());
  throw;
}

}  // namespace domed
