#include "domectl/report.h"

#include <cctype>
#include <cstdio>
#include <string_view>
#include <utility>

#include "client/client.h"
#include "domectl/terminal.h"

namespace domed::ctl {
namespace {

// Parameters of the protocol, and what they are here.  The daemon speaks of its protocol to all
// clients alike.  Whoever typed --since never heard of since_seq.
constexpr std::pair<std::string_view, std::string_view> kWords[] = {
    {"since_seq", "--since"},
    {"keep_from_seq", "--keep-from"},
    {"log_id", "--log-id"},
    {"idempotency_key", "--key"},
    {"client_id", "--client-id"},
    {"depends_on", "--after"},
    {"not_before", "--not-before"},
    {"timeout_s", "--timeout"},
    {"expires_s", "--expires"},
    {"backoff_s", "--backoff"},
    {"max_attempts", "--attempts"},
    {"tool_id", "--tool"},
    {"producer_token", "the token"},
    {"producer_id", "--producer-id"},
    {"job_id", "the job's id"},
    {"name", "--name"},
    {"node", "--node"},
    {"text", "the job"},
    {"until", "--until"},
    {"label", "--label"},
    {"labels", "--label"},
    {"state", "--state"},
    {"since", "--since"},
    {"limit", "--limit"},
    {"limits", "--limit"},
    {"env", "--env"},
    {"cwd", "--cwd"},
    {"stdin", "--stdin"},
    {"stdin.path", "--stdin"},
    {"stdin.b64", "--stdin"},
    {"accept_imported", "--accept-imported"},
    {"task", "--task"},
    {"queue", "--queue"},
    {"node", "--node"},
    {"priority", "--priority"},
    {"hold", "--hold"},
    {"batch", "--batch"},
    {"reason", "--reason"},
    {"retry", "--attempts and --backoff"},
    {"tty", "--tty"}};

std::string_view own_word(std::string_view word) {
  for (const auto& [theirs, ours] : kWords)
    if (word == theirs) return ours;
  return {};
}

bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// A name that a message begins with, 'NAME', is a parameter; anything else in quotes is
// somebody's text, and stays.  Outside of them a word with an underscore is one.
std::string translated(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    if (text[at] == '\'') {
      end = std::min(text.find('\'', at + 1), text.size() - 1) + 1;
      const std::string_view ours = own_word(text.substr(at + 1, end - at - 2));
      out += at == 0 && !ours.empty() ? ours : text.substr(at, end - at);
    } else if (in_word(text[at])) {
      while (end < text.size() && in_word(text[end])) ++end;
      const std::string_view word = text.substr(at, end - at);
      const std::string_view ours =
          word.find('_') == std::string_view::npos ? std::string_view() : own_word(word);
      out += ours.empty() ? word : ours;
    } else {
      out += text[at];
    }
    at = end;
  }
  return out;
}

}  // namespace

std::string in_own_words(const ApiError& error) {
  const auto head = number_field(error, "head"), first = number_field(error, "first");
  // What to do next is a command here, and not a parameter.
  if (error.name() == "E_COMPACTED" && first)
    return "the events before " + std::to_string(*first) +
           " were trimmed: 'domectl follow JOB --since " + std::to_string(*first - 1) +
           "' shows what is kept";
  if (error.name() == "E_CURSOR_AHEAD" && head)
    return "there is no such event yet: the newest one is " + std::to_string(*head);
  if (error.name() == "E_LOG_CHANGED")
    return "the job has another log than that of --log-id: what you have is of an earlier one; "
           "start over without --since and --log-id";
  return translated(error.what());
}

void report(const ApiError& error, bool json) {
  // With --json the error is a line of JSON on standard error, the daemon's fields with it, so that
  // a script needs no text to be told apart.
  if (!json) return note(error.name() + ": " + in_own_words(error));
  nlohmann::ordered_json out{{"error", error.name()}, {"message", error.what()}};
  if (error.fields().is_object())
    for (const auto& [key, value] : error.fields().items())
      if (!out.contains(key)) out[key] = value;
  const auto replace = nlohmann::ordered_json::error_handler_t::replace;
  std::fprintf(stderr, "%s\n", visible_json(out.dump(-1, ' ', false, replace)).c_str());
}

void report(const std::string& text, bool json) {
  json ? report(ApiError("E_DOMECTL", text), true) : note(text);
}

void report_usage(const std::string& text, bool json) {
  json ? report(ApiError("E_USAGE", text), true) : note(text);
}

}  // namespace domed::ctl
