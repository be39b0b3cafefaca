#include "console/guard.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/words.h"

namespace domed::console {
namespace {

struct Place {
  std::string host, port;  // host in lower case, with brackets; port empty: the scheme's
};

Place place_of(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || text.find(']', colon) != std::string::npos) return {text, ""};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

// Scripts, styles and data come from here alone; nothing is ever asked of another host, nobody may
// show the page in a frame, and no text can become a script.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types domed";

}  // namespace

bool is_no_foreign_name(const std::string& host) {
  if (host == "localhost") return true;
  unsigned char address[sizeof(in6_addr)];
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    return inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), address) == 1;
  return inet_pton(AF_INET, host.c_str(), address) == 1;
}

Guard::Guard(bool tls, std::vector<std::string> origins)
    : tls_(tls), origins_(std::move(origins)) {}

bool Guard::is_ours(const std::string& host) const {
  for (const auto& origin : origins_)
    if (host == origin.substr(origin.find("//") + 2)) return true;
  const Place place = place_of(host);
  const std::string port = place.port.empty() ? (tls_ ? "443" : "80") : place.port;
  return is_no_foreign_name(place.host) && port == std::to_string(port_);
}

std::optional<std::string> Guard::objection(const httplib::Request& request,
                                            bool from_pages) const {
  if (request.get_header_value_count("Host") != 1) return "a request must say one Host";
  const std::string host = request.get_header_value("Host");
  if (!is_ours(host))
    return "this console is not known as " + in_quotes(host) +
           ": reach it by its address, or start it with --origin";
  const std::string origin = request.get_header_value("Origin");
  const bool ours = origin == (tls_ ? "https://" : "http://") + host ||
                    std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
  if (request.has_header("Origin") && !ours)
    return "the page of " + in_quotes(origin) + " may not talk to this console";
  const std::string site = request.get_header_value("Sec-Fetch-Site");
  if (from_pages && !site.empty() && site != "same-origin" && site != "none")
    return "another site's page may not talk to this console";
  return std::nullopt;
}

httplib::Headers Guard::headers(bool tls) {
  httplib::Headers out{{"Content-Security-Policy", kPolicy},
                       {"X-Content-Type-Options", "nosniff"},
                       {"X-Frame-Options", "DENY"},
                       {"Referrer-Policy", "no-referrer"},
                       {"Cross-Origin-Opener-Policy", "same-origin"},
                       {"Cross-Origin-Resource-Policy", "same-origin"}};
  if (tls) out.emplace("Strict-Transport-Security", "max-age=31536000");
  return out;
}

}  // namespace domed::console
