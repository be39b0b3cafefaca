#include "remote.h"

#include <algorithm>
#include <array>
#include <utility>

namespace domed::git {
namespace {

using std::string_view;
constexpr std::size_t kMaxUrl = 1024;
constexpr string_view kMalformed = "its address is malformed, and may hold a secret";

Remote refuse(string_view why) {
  return {"", std::string(why)};
}

bool alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_scheme(string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return alnum(c) || c == '+' || c == '-' || c == '.';
  });
}

bool is_default_port(string_view scheme, string_view port) {
  static constexpr std::array<std::pair<string_view, string_view>, 4> kPorts{
      {{"https", "443"}, {"http", "80"}, {"ssh", "22"}, {"git", "9418"}}};
  return std::find(kPorts.begin(), kPorts.end(), std::pair(scheme, port)) != kPorts.end();
}

// Removes what stands before the last "@" of "authority"; true where that was
// just "git", which is nobody's name and no secret.
bool drop_user(string_view& authority) {
  const std::size_t at = authority.rfind('@');
  if (at == string_view::npos) return false;
  const bool customary = authority.substr(0, at) == "git";
  authority.remove_prefix(at + 1);
  return customary;
}

// A name, IPv4 or bracketed IPv6 address.  Anything else may be half of a
// password with a "/" in it.
bool is_host(string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    return std::all_of(host.begin(), host.end(),
                       [](char c) { return alnum(c) || c == ':' || c == '.' || c == '%'; });
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return alnum(c) || c == '-' || c == '.' || c == '_' || (c & 0x80) != 0;
  });
}

struct Host {
  string_view name, port;
  bool valid = false;
};

Host parse_host(string_view text) {
  Host host{text, {}, false};
  const std::size_t colon = text.rfind(':'), bracket = text.rfind(']');
  if (colon != string_view::npos && (bracket == string_view::npos || colon > bracket)) {
    host.name = text.substr(0, colon);
    host.port = text.substr(colon + 1);
  }
  host.valid = is_host(host.name) && std::all_of(host.port.begin(), host.port.end(),
                                                 [](char c) { return c >= '0' && c <= '9'; });
  return host;
}

string_view without_trailing_slashes(string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path;
}

// Parameters, and a query or fragment behind an escaped mark, may be tokens too.
string_view without_parameters(string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    const std::string mark = lower(path.substr(i, 3));
    if (path[i] == ';' || mark == "%3b" || mark == "%3f" || mark == "%23") return path.substr(0, i);
  }
  return path;
}

Remote join(const std::string& scheme, bool git_user, const Host& host, string_view path) {
  if (!host.valid) return refuse(kMalformed);
  std::string out = scheme + "://" + (git_user && scheme.ends_with("ssh") ? "git@" : "");
  out += lower(host.name);
  if (!host.port.empty() && !is_default_port(scheme, host.port)) {
    out += ":" + std::string(host.port);
  }
  path = without_trailing_slashes(without_parameters(path));
  if (!path.empty() && path != "/") out += path;
  return {out, ""};
}

// An unescaped "/", "?" or "#" in a password moves its "@" to where a path or a
// query is expected.  "/@scope/" after a plain host is the one such "@" that is
// known to be harmless.
bool may_hide_user(string_view authority, string_view path, string_view query) {
  if (query.find('@') != string_view::npos) return true;
  if (path.find('@') == string_view::npos) return false;
  if (authority.find(':') != string_view::npos) return true;
  for (std::size_t i = 1; i < path.size(); ++i) {
    if (path[i] == '@' && path[i - 1] != '/') return true;
  }
  return false;
}

Remote from_url(const std::string& scheme, string_view rest) {
  const std::size_t end = std::min(rest.find_first_of("?#"), rest.size());
  const string_view query = rest.substr(end);
  rest = rest.substr(0, end);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  string_view authority = rest.substr(0, slash);
  const string_view path = rest.substr(slash);
  if (scheme == "file" && authority.empty()) {
    return {"file://" + std::string(without_trailing_slashes(path)), ""};
  }
  if (may_hide_user(authority, path, query)) return refuse(kMalformed);
  const bool git_user = drop_user(authority);
  return join(scheme, git_user, parse_host(authority), path);
}

// [user@]host:path
Remote from_scp(string_view text) {
  text = text.substr(0, text.find_first_of("?#"));
  const bool git_user = drop_user(text);
  const bool bracketed = text.starts_with('[');
  const std::size_t colon = bracketed ? text.find("]:") : text.find(':');
  if (colon == string_view::npos) return refuse(kMalformed);
  const string_view host = text.substr(0, colon + (bracketed ? 1 : 0));
  string_view path = text.substr(colon + (bracketed ? 2 : 1));
  while (path.starts_with('/')) path.remove_prefix(1);
  return join("ssh", git_user, {host, {}, is_host(host)}, "/" + std::string(path));
}

// What looks like an address with a slip in it is no path.
Remote from_path(string_view path) {
  const bool plain = path.starts_with('.') || (path.starts_with('/') && !path.starts_with("//"));
  const std::size_t colon = path.find(':');
  const bool user = colon != string_view::npos && path.find('@', colon) != string_view::npos;
  if (user || (!plain && path.find_first_of("@?#") != string_view::npos)) return refuse(kMalformed);
  return {std::string(without_trailing_slashes(path)), ""};
}

}  // namespace

std::string lower(string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

Remote normalise_remote(string_view raw) {
  if (raw.empty()) return refuse("its address is empty");
  if (raw.size() > kMaxUrl) return refuse("its address is longer than 1024 bytes");
  if (std::any_of(raw.begin(), raw.end(), [](unsigned char c) { return c < 32 || c == 127; })) {
    return refuse("its address holds control characters");
  }
  const std::size_t helper = raw.find("::");
  if (helper != string_view::npos && is_scheme(raw.substr(0, helper))) {
    return refuse("its address is a remote helper's own, and may hold a command or a secret");
  }
  const std::size_t mark = raw.find("://");
  if (mark != string_view::npos && is_scheme(raw.substr(0, mark))) {
    return from_url(lower(raw.substr(0, mark)), raw.substr(mark + 3));
  }
  // As git: a colon before any slash makes it an address, else it is a path.
  if (raw.find(':') < raw.find('/')) return from_scp(raw);
  return from_path(raw);
}

std::string repo_name(string_view path) {
  path = without_trailing_slashes(path);
  if (path.ends_with("/.git")) path = without_trailing_slashes(path.substr(0, path.size() - 5));
  if (const std::size_t mark = path.find("://"); mark != string_view::npos) {
    path.remove_prefix(mark + 3);
    const std::size_t slash = path.find('/');
    path = slash == string_view::npos ? string_view() : path.substr(slash);
  }
  path = path.substr(path.rfind('/') + 1);
  if (path.size() > 4 && path.ends_with(".git")) path.remove_suffix(4);
  return std::string(path);
}

}  // namespace domed::git
