#include <utility>  // which Boost 1.74 forgets

#include "ws/upgrade.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <optional>
#include <string_view>

#include "domed/support/hash.h"

namespace domed::ws {
namespace {

namespace http = boost::beast::http;
using Request = http::request<http::empty_body>;

constexpr std::string_view kNoPath = "GET  HTTP/";
constexpr const char* kVersion = "13";
constexpr const char* kSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455's
constexpr std::size_t kKeyBytes = 16;
// To one who means something else, or another version, what would do.
constexpr const char* kWanted = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";

std::string text_of(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

// "why" is shown to the peer too: nothing of what it sent stands in it.
Answer refuse(const char* status, const char* why, const char* headers = "") {
  const std::string text = std::string("refused: ") + why + "\n";
  return {false,
          "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: text/plain\r\nContent-Length: " +
              std::to_string(text.size()) + "\r\nConnection: close\r\n" + headers + "\r\n" + text,
          why};
}

std::string accept_for(const std::string& key) {
  const std::string text = key + kSuffix;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  return to_base64({reinterpret_cast<const char*>(digest.data()), size});
}

bool is_key(const std::string& text) {
  std::string bytes;
  return from_base64(text, bytes) && bytes.size() == kKeyBytes;
}

// The value of a header that must be there once; nullopt: it is not.
std::optional<std::string> only(const Request& request, http::field name) {
  if (request.count(name) != 1) return std::nullopt;
  return text_of(request[name]);
}

bool lists(const Request& request, http::field name, const char* token) {
  const auto found = request.equal_range(name);
  return std::any_of(found.first, found.second, [&](const auto& field) {
    return http::token_list(field.value()).exists(token);
  });
}

// Here the case counts, which token_list does not look at: it is repeated as it is ours.
bool asks_for(const Request& request, const std::string& protocol) {
  const auto found = request.equal_range(http::field::sec_websocket_protocol);
  return std::any_of(found.first, found.second, [&](const auto& field) {
    const http::token_list tokens(field.value());
    return std::any_of(tokens.begin(), tokens.end(),
                       [&](const auto& token) { return text_of(token) == protocol; });
  });
}

bool comes_from_a_foreign_page(const Request& request, const std::vector<std::string>& origins) {
  const auto found = request.equal_range(http::field::origin);
  return !std::all_of(found.first, found.second, [&](const auto& field) {
    return std::find(origins.begin(), origins.end(), text_of(field.value())) != origins.end();
  });
}

std::string without_port(const std::string& host) {
  const auto colon = host.rfind(':');
  const bool has_port = colon != std::string::npos && host.find(']', colon) == std::string::npos;
  const std::string name = host.substr(0, has_port ? colon : host.size());
  const bool in_brackets = name.size() > 2 && name.front() == '[' && name.back() == ']';
  return in_brackets ? name.substr(1, name.size() - 2) : name;
}

std::string path_of(std::string target) {
  target = target.substr(0, target.find('?'));
  return target.ends_with('/') ? target.substr(0, target.size() - 1) : target;
}

bool has_body(const Request& request) {
  return request.count(http::field::transfer_encoding) > 0 ||
         (request.count(http::field::content_length) > 0 &&
          only(request, http::field::content_length) != "0");
}

Answer agree(const Request& request, const Offer& offer) {
  if (request.version() != 11)
    return refuse("505 HTTP Version Not Supported", "it does not speak HTTP/1.1");
  const auto host = only(request, http::field::host);
  if (!host) return refuse("400 Bad Request", "it does not say whom it means (Host)");
  // Before what a page could tell one answer from another by.
  if (offer.is_ours && !offer.is_ours(without_port(*host)))
    return refuse("403 Forbidden", "it means another machine (Host)");
  if (comes_from_a_foreign_page(request, offer.origins))
    return refuse("403 Forbidden", "it comes from a web page whose origin is not listed");
  if (path_of(text_of(request.target())) != path_of(offer.path))
    return refuse("404 Not Found", "it asks for another path");
  if (request.method() != http::verb::get)
    return refuse("405 Method Not Allowed", "it asks by another method than GET", "Allow: GET\r\n");
  if (has_body(request)) return refuse("413 Payload Too Large", "its request has a body");
  if (!lists(request, http::field::upgrade, "websocket") ||
      !lists(request, http::field::connection, "upgrade"))
    return refuse("426 Upgrade Required", "it does not ask for a WebSocket", kWanted);
  if (only(request, http::field::sec_websocket_version) != kVersion)
    return refuse("426 Upgrade Required", "it speaks another version of WebSocket", kWanted);
  const auto key = only(request, http::field::sec_websocket_key);
  if (!key || !is_key(*key)) return refuse("400 Bad Request", "it has no key (Sec-WebSocket-Key)");
  if (!asks_for(request, offer.protocol))
    return refuse("400 Bad Request", "it asks for another protocol (Sec-WebSocket-Protocol)");
  return {true,
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Accept: " +
              accept_for(*key) + "\r\nSec-WebSocket-Protocol: " + offer.protocol + "\r\n\r\n",
          ""};
}

}  // namespace

Answer refuse_long() {
  return refuse("431 Request Header Fields Too Large", "its request is too long");
}

Answer refuse_nonsense() {
  return refuse("400 Bad Request", "it speaks no HTTP");
}

Answer answer(std::string_view head, const Offer& offer) {
  // A stock client of nng whose URL has no path asks for none at all, which is no HTTP.
  if (head.starts_with(kNoPath))
    return answer("GET /" + std::string(head.substr(kNoPath.find("  ") + 1)), offer);
  http::request_parser<http::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(kMostHead));
  parser.skip(true);  // no body is read, whatever is said of one
  boost::beast::error_code failure;
  parser.put(boost::asio::buffer(head.data(), head.size()), failure);
  if (failure == http::error::bad_version)
    return refuse("505 HTTP Version Not Supported", "it does not speak HTTP/1.1");
  if (failure == http::error::header_limit) return refuse_long();
  if (failure || !parser.is_header_done()) return refuse_nonsense();
  return agree(parser.get(), offer);
}

}  // namespace domed::ws
