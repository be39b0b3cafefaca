#include "console/sessions.h"

#include <algorithm>
#include <sstream>

#include "base/hmac.h"
#include "base/units.h"
#include "domed/support/hash.h"
#include "system/own_file.h"

namespace domed::console {
namespace {

constexpr auto kIdle = std::chrono::hours(12);
constexpr std::int64_t kLongest = 7LL * 24 * 3600;  // seconds
constexpr std::size_t kMost = 4096;
constexpr std::size_t kMostEnded = 16 << 20;  // bytes, of 200,000 that log out in a week

std::int64_t now_seconds() {
  return now_micros() / 1'000'000;
}

}  // namespace

bool equal_secrets(const std::string& a, const std::string& b) {
  const Digest x = sha256(a), y = sha256(b);
  unsigned differ = 0;
  for (std::size_t i = 0; i < x.size(); ++i) differ |= static_cast<unsigned>(x[i] ^ y[i]);
  return differ == 0;
}

Sessions::Sessions(std::string secret, std::string ended_file)
    : secret_(std::move(secret)), ended_file_(std::move(ended_file)) {
  read_ended();
}

// A line for each, "SHA256 UNTIL".  What is none is left out: it can only be somebody's mistake.
void Sessions::read_ended() {
  if (ended_file_.empty()) return;
  std::istringstream lines(read_own(ended_file_, kMostEnded));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    std::int64_t until = 0;
    if (words >> key >> until && until > now_seconds()) ended_.emplace(key, until);
  }
}

void Sessions::keep_ended() {
  if (ended_file_.empty()) return;
  std::erase_if(ended_, [](const auto& item) { return item.second <= now_seconds(); });
  std::string lines;
  for (const auto& [key, until] : ended_) lines += key + " " + std::to_string(until) + "\n";
  write_own(ended_file_, lines, true);
}

bool Sessions::is_secret(const std::string& word) const {
  return equal_secrets(word, secret_);
}

std::string Sessions::signed_until(const std::string& text) const {
  return text + "." + to_hex(hmac_sha256(secret_, "domed-console session " + text));
}

std::string Sessions::csrf_of(const std::string& cookie) const {
  return to_hex(hmac_sha256(secret_, "domed-console csrf " + cookie));
}

// own.UNTIL.RANDOM.MAC
std::string Sessions::begin() {
  return signed_until("own." + std::to_string(now_seconds() + kLongest) + "." + random_hex(16));
}

std::string Sessions::begin(std::map<std::string, std::shared_ptr<Client>> clients, std::string who,
                            const std::string& token) {
  const std::string cookie = random_hex(32);
  auto session = std::make_shared<Session>();
  session->csrf = csrf_of(cookie);
  session->who = std::move(who);
  session->clients = std::move(clients);
  session->token = sha256_hex(token);
  session->used_at = Clock::now();
  const std::lock_guard lock(mutex_);
  forget_old(session->used_at);
  for (const auto& [_, other] : sessions_) {
    if (other->token != session->token) continue;
    session->streams = other->streams;
    for (auto& [daemon, client] : session->clients)
      if (const auto found = other->clients.find(daemon); found != other->clients.end())
        client = found->second;
    break;
  }
  sessions_[sha256_hex(cookie)] = std::move(session);
  return cookie;
}

std::shared_ptr<Session> Sessions::of_certificate(const std::string& name, bool looks_only) {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  forget_old(now);
  auto& session = sessions_["cert:" + name];  // which no SHA-256 is
  if (!session) {
    session = std::make_shared<Session>();
    session->csrf = csrf_of("cert:" + name);
    session->who = "cert:" + name;
    session->by_certificate = true;
    session->looks_only = looks_only;
  }
  session->used_at = now;
  return session;
}

std::optional<std::int64_t> Sessions::good_until(const std::string& cookie) const {
  const auto dot = cookie.rfind('.');
  if (!cookie.starts_with("own.") || dot == std::string::npos) return {};
  const std::string text = cookie.substr(0, dot);
  if (!equal_secrets(cookie, signed_until(text))) return {};
  const auto until = parse_integer(text.substr(4, text.find('.', 4) - 4));
  return until && *until > now_seconds() ? until : std::nullopt;
}

std::shared_ptr<Session> Sessions::of(const std::string& cookie) {
  if (cookie.empty() || cookie.size() > 256) return nullptr;
  const std::string key = sha256_hex(cookie);
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  forget_old(now);
  auto found = sessions_.find(key);
  if (found == sessions_.end()) {
    const auto until = good_until(cookie);
    if (ended_.contains(key) || !until) return nullptr;
    auto session = std::make_shared<Session>();
    session->csrf = csrf_of(cookie);
    session->who = "console";
    session->until = *until * 1'000'000;
    found = sessions_.emplace(key, std::move(session)).first;
  } else if (found->second->own() && !good_until(cookie)) {
    sessions_.erase(found);
    return nullptr;
  }
  found->second->used_at = now;
  return found->second;
}

void Sessions::end(const std::string& cookie) {
  const std::string key = sha256_hex(cookie);
  const std::lock_guard lock(mutex_);
  if (const auto found = sessions_.find(key); found != sessions_.end()) {
    found->second->ended = true;
    sessions_.erase(found);
  }
  const auto until = good_until(cookie);
  if (!until) return;
  ended_.emplace(key, *until);
  keep_ended();
}

void Sessions::forget_old(Clock::time_point now) {
  std::erase_if(sessions_, [now](const auto& item) {
    return item.second.use_count() == 1 && now - item.second->used_at > kIdle;
  });
  if (sessions_.size() < kMost) return;
  const auto oldest = std::min_element(
      sessions_.begin(), sessions_.end(),
      [](const auto& a, const auto& b) { return a.second->used_at < b.second->used_at; });
  sessions_.erase(oldest);
}

}  // namespace domed::console
