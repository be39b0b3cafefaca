#include "client/client.h"

#include <simdjson.h>
#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "common/endpoint.h"
#include "common/units.h"

namespace domed {
namespace {

namespace od = simdjson::ondemand;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{50};
constexpr milliseconds kLongestPause{2000};
// Without any connection for so long, a daemon that was there is taken to be gone.
constexpr milliseconds kConnectTime{2000};

// What one attempt waits for; outlives a caller that was told to stop.
struct Waiting {
  std::mutex mutex;
  std::condition_variable_any changed;
  bool done = false;
  int result = 0;
  Message reply;
};

[[noreturn]] void unreachable(const std::string& text) {
  throw ApiError("E_UNREACHABLE", text);
}

std::string no_daemon(const std::string& url, int result) {
  std::string cause = nng_strerror(result);
  struct stat info;
  if (url_scheme(url) == "ipc" && stat(url.c_str() + 6, &info) != 0) cause = "no such socket";
  return "no daemon answers at " + url + " (" + cause +
         "): start one with 'domed --config FILE', or name another with --endpoint or "
         "DOMED_ENDPOINT";
}

std::string no_answer(const std::string& url, milliseconds waited) {
  return "no answer from " + url + " within " + format_duration(waited) +
         " although it accepts connections: the daemon may be stopped or overloaded, or this is "
         "not its control socket";
}

[[noreturn]] void not_an_answer(const std::string& url, const std::string& why) {
  throw ApiError("E_PROTOCOL", url + " sent what is not a JSON-RPC reply (" + why +
                                   "): is it a control socket of domed?");
}

[[noreturn]] void stopped() {
  throw ApiError("E_STOPPED", "the call was stopped by its caller");
}

milliseconds since(Clock::time_point begin) {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
}

bool has_field(const ApiError& error, const char* name) {
  return error.fields().is_object() && error.fields().contains(name);
}

// Replacing what is not UTF-8 would name another file, or another job.
std::string text_of(const Json& params) try {
  return params.dump();
} catch (const Json::exception&) {
  throw ApiError("E_INVALID_REQUEST",
                 "the request holds text that is not UTF-8, which the protocol cannot carry: use "
                 "names and arguments in UTF-8, or let a script write the bytes");
}

milliseconds held_for(const Json& params) {
  const auto wait = params.find("wait_ms");
  return milliseconds(wait != params.end() && wait->is_number_integer() ? wait->get<int>() : 0);
}

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
  if (!data.is_object()) data = Json::object();
  const Json name = data.value("error", Json("E_INTERNAL"));
  data.erase("error");
  throw ApiError(name.is_string() ? name.get<std::string>() : "E_INTERNAL",
                 error["message"].is_string() ? error["message"].get<std::string>() : "", data);
}

}  // namespace

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

std::string result_of(std::string_view reply, const std::string& url) {
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
    raw.remove_suffix(raw.size() - raw.rfind('}') - 1);
    (is_result ? result : error) = raw;
  }
  if (!error.empty()) throw_error(error, url);
  if (result.empty()) not_an_answer(url, "neither result nor error");
  return result;
}

Client::Client(std::string endpoint) : channel_(std::move(endpoint)) {}

Json Client::call(std::string_view method, const Json& params, const CallOptions& options) {
  Json result = Json::parse(call_raw(method, params, options), nullptr, false);
  if (result.is_discarded()) not_an_answer(endpoint(), "damaged JSON");
  return result;
}

std::string Client::call_raw(std::string_view method, const Json& params,
                             const CallOptions& options) {
  CallOptions held = options;
  held.reply_timeout += held_for(params);
  return call_text(method, text_of(params), held);
}

std::string Client::call_text(std::string_view method, std::string_view params,
                              const CallOptions& options) {
  const std::string request = R"({"jsonrpc":"2.0","id":)" + std::to_string(next_id_++) +
                              R"(,"method":)" + json_string(method) + R"(,"params":)" +
                              std::string(params) + "}";
  const auto begin = Clock::now();
  const auto deadline = begin + options.deadline;
  std::optional<ApiError> answer;  // says more than that time ran out
  for (milliseconds backoff = kFirstPause;; backoff = std::min(backoff * 2, kLongestPause)) {
    try {
      const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
      return attempt(request, std::clamp(left, milliseconds(1), options.reply_timeout), begin,
                     options.stop);
    } catch (const ApiError& e) {
      if (!options.repeat || !is_retryable(e) ||
          (has_field(e, "never_there") && !options.await_daemon))
        throw;
      if (e.name() != "E_UNREACHABLE") answer = e;
      const milliseconds wait = retry_after(e).value_or(backoff);
      if (Clock::now() + wait >= deadline) throw ApiError(answer.value_or(e));
      pause(wait, options.stop);
    }
  }
}

std::string Client::attempt(const std::string& request, milliseconds timeout,
                            Clock::time_point begin, const std::stop_token& stop) {
  if (const int result = channel_.dial())
    throw ApiError("E_UNREACHABLE",
                   result == NNG_ETIMEDOUT
                       ? no_answer(endpoint(), since(begin))
                       : no_daemon(endpoint(), result),
                   {{"never_there", true}});
  if (!channel_.await_connection(std::min(timeout, kConnectTime), stop)) {
    if (stop.stop_requested()) stopped();
    unreachable("nobody takes requests at " + endpoint() +
                " any more: the daemon is gone, or this is another socket than its control socket");
  }
  const auto waiting = std::make_shared<Waiting>();
  channel_.start(request, timeout, [waiting](int result, Message reply) {
    const std::lock_guard lock(waiting->mutex);
    waiting->done = true;
    waiting->result = result;
    waiting->reply = std::move(reply);
    waiting->changed.notify_all();
  });
  std::unique_lock lock(waiting->mutex);
  if (!waiting->changed.wait(lock, stop, [&] { return waiting->done; }))
    stopped();
  if (waiting->result == 0) return result_of(body(waiting->reply.get()), endpoint());
  if (waiting->result != NNG_ETIMEDOUT)
    unreachable("lost the connection to " + endpoint() + ": " + nng_strerror(waiting->result));
  unreachable(no_answer(endpoint(), since(begin)));
}

}  // namespace domed
