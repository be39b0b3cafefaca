#include "console/head.h"

#include <algorithm>
#include <optional>

#include "base/units.h"

namespace domed::console {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

char lower(char c) {
  return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool is_named(std::string_view name, std::string_view lower_case) {
  return std::equal(name.begin(), name.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return lower(a) == b; });
}

// Of the name of a header.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return ('a' <= lower(c) && lower(c) <= 'z') || ('0' <= c && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return (c >= 0x20 || c == '\t') && c != 0x7f; });
}

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos) return "";
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

// What of a request's headers says how long it is.
struct Lengths {
  std::optional<std::int64_t> said;
  std::optional<Objection> objection;

  void take(std::string_view name, std::string_view value) {
    if (is_named(name, "content-length")) {
      const bool digits = !value.empty() && value.size() < 19 &&
                          value.find_first_not_of("0123456789") == std::string_view::npos;
      if (said || !digits)
        objection = {400, "Content-Length must be one number, once"};
      else
        said = parse_integer(std::string(value));
    } else if (is_named(name, "transfer-encoding")) {
      objection = {501, "a body must say its Content-Length, and comes as it is"};
    } else if (is_named(name, "content-encoding")) {
      objection = {415, "a body must not be compressed"};
    } else if (is_named(name, "expect")) {
      objection = {417, "nothing is answered before a request is whole"};
    }
  }
};

}  // namespace

std::variant<Head, Objection> read_head(std::string_view head, std::size_t most_body) {
  Head out;
  Lengths lengths;
  std::size_t lines = 0;
  for (std::size_t at = 0; at < head.size(); ++lines) {
    const auto end = std::min(head.find(kLineEnd, at), head.size());
    const std::string_view line = head.substr(at, end - at);
    at = end + kLineEnd.size();
    if (line.empty() && lines > 0) break;
    if (!is_text(line)) return Objection{400, "this is no request of HTTP"};
    if (lines > kMostHeaders) return Objection{431, "the request has too many headers"};
    if (lines > 0) {
      const auto colon = std::min(line.find(':'), line.size());
      const std::string_view name = line.substr(0, colon);
      if (colon == line.size() || !is_token(name))
        return Objection{400, "a header is no NAME: VALUE"};
      lengths.take(name, trimmed(line.substr(colon + 1)));
      if (lengths.objection) return *lengths.objection;
      if (is_named(name, "range") || is_named(name, "if-range")) continue;
    }
    out.text.append(line).append(kLineEnd);
  }
  out.text.append(kLineEnd);
  const bool posts = head.starts_with("POST ");
  if (!posts && lengths.said) return Objection{400, "nothing but a POST has a body"};
  if (posts && !lengths.said) return Objection{411, "a POST must say its Content-Length"};
  if (static_cast<std::size_t>(lengths.said.value_or(0)) > most_body)
    return Objection{413, "the body is too long"};
  out.body = static_cast<std::size_t>(lengths.said.value_or(0));
  return out;
}

}  // namespace domed::console
