#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "client/client.h"
#include "console/bucket.h"

namespace domed::console {

// One browser that has logged in, and as whom.
struct Session {
  // Goes with every request that changes something: another site's page cannot know it.
  std::string csrf;
  std::string who;  // for people and the log: "console", "token"
  // Of daemons that it asks as somebody of its own, by their names; all others it does not see.
  // Empty: it asks every daemon as the console.
  std::map<std::string, std::shared_ptr<Client>> clients;
  bool own() const { return clients.empty(); }
  bool looks_only = false;
  bool by_certificate = false;
  std::int64_t until = INT64_MAX;  // what its cookie says: microseconds since 1970
  std::atomic<bool> ended{false};  // logged out: what it follows ends

  std::chrono::steady_clock::time_point used_at;
  Bucket requests{600, std::chrono::seconds(10)};
  // How many are open: of all sessions of one token together, for anybody who has it makes as many
  // as they like.
  std::shared_ptr<std::atomic<int>> streams = std::make_shared<std::atomic<int>>(0);
  std::string token;  // by whose SHA-256 it was begun; empty: by none
};

// Who is logged in.  A browser holds a cookie, this program its SHA-256.
//
// A cookie of somebody who knows the console's secret says by itself that it is good, and until
// when, signed with the secret: it outlives this program.  One of who came by a daemon's token is
// known to this process alone, for the token is in its memory and nowhere else.  Thread-safe.
class Sessions {
 public:
  using Clock = std::chrono::steady_clock;

  // "ended_file" keeps who logged out, so that their cookies stay nobody's when this program
  // starts again; empty: they come back.  Throws Error where it cannot be read.
  explicit Sessions(std::string secret, std::string ended_file = "");

  // Whether "word" is the console's secret.
  bool is_secret(const std::string& word) const;
  // The cookies of new sessions.  Those of one token share their clients, and with them the
  // connections to daemons.
  std::string begin();
  std::string begin(std::map<std::string, std::shared_ptr<Client>> clients, std::string who,
                    const std::string& token);
  // That of everybody who shows a certificate of this name.
  std::shared_ptr<Session> of_certificate(const std::string& name, bool looks_only);
  // Null: nobody's.
  std::shared_ptr<Session> of(const std::string& cookie);
  void end(const std::string& cookie);

 private:
  std::string signed_until(const std::string& text) const;
  std::optional<std::int64_t> good_until(const std::string& cookie) const;  // nullopt: it is not
  void forget_old(Clock::time_point now);
  void read_ended();
  void keep_ended();
  std::string csrf_of(const std::string& cookie) const;

  const std::string secret_, ended_file_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Session>> sessions_;  // by the cookie's SHA-256
  std::map<std::string, std::int64_t> ended_;                 // likewise; until when they matter
};

// Whether they are equal, in a time that does not tell where they differ.
bool equal_secrets(const std::string& a, const std::string& b);

}  // namespace domed::console
