#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/replaceable.h"
#include "domed/support/hash.h"
#include "protocol/identity.h"

namespace domed {

// A deployment's tokens: secrets that say who sends a request, kept as their SHA-256 alone.
// Thread-safe.
class Tokens {
 public:
  struct Token {
    std::string name;
    Digest sha256{};
    std::optional<std::int64_t> expires;  // microseconds since 1970
  };

  explicit Tokens(std::vector<Token> tokens = {}) : tokens_(std::move(tokens)) {}
  void replace(std::vector<Token> tokens);

  // The one that "secret" is, at "now"; nullopt: there is none, or it has expired.  Takes as long
  // whichever it is.
  std::optional<Token> find(std::string_view secret, std::int64_t now) const;
  // Whether the token "name" is there, of this secret, and has not expired.
  bool has(const std::string& name, const Digest& sha256, std::int64_t now) const;

 private:
  mutable std::mutex mutex_;
  std::vector<Token> tokens_;
};

// That "role" is whose it says.
struct Grant {
  enum class To { user, group, certificate, token, anyone };
  Role role;
  To to;
  // Of a user and a group: for people.  Of a certificate and a token, its own; one that ends with
  // '*' is of all that begin so.
  std::string name;
  std::uint32_t id = 0;  // of a user and a group

  bool operator==(const Grant&) const = default;
};

// Who may come by one listener, and as what: its grants.  Whoever has several has the highest.
// Thread-safe.
class Access : public std::enable_shared_from_this<Access> {
 public:
  // "node" is the daemon's, for the names of users, who are of one machine.  "says_why": whoever is
  // known and has no role is let in all the same, to be told so for each request.
  Access(std::vector<Grant> grants, std::string node, std::shared_ptr<const Tokens> tokens,
         bool says_why = false);
  // For a listener whose deployment does not say: whoever comes may do everything.  Over ipc that
  // is this process's user and root alone.
  static std::shared_ptr<const Access> unrestricted(bool ipc);

  // From now on these hold, for the connections that are there too.
  void replace(std::vector<Grant> grants) { grants_.become({std::move(grants), {}}); }
  // Until then nobody has more than by those that hold and by "grants": while it is not yet, or not
  // any more, known of whom either speaks.
  void narrow(std::vector<Grant> grants) {
    grants_.become({grants_.now()->all, std::move(grants)});
  }

  // Whose connection it is; null: nobody's who may come in.
  std::shared_ptr<const Caller> user(uid_t uid, const std::vector<gid_t>& groups) const;
  std::shared_ptr<const Caller> certificate(const std::string& name) const;  // "": none was shown
  std::shared_ptr<const Caller> stranger() const { return certificate(""); }

  // Whether a request may say by a token who sent it.
  bool takes_tokens() const;

 private:
  class Known;
  struct Grants {
    std::vector<Grant> all;
    std::optional<std::vector<Grant>> bound;  // of narrow()
  };
  using RoleIn = std::function<Role(const std::vector<Grant>&)>;
  friend const char* objection_to(const Caller& caller);
  friend bool is_stranger(const Caller& caller);
  std::shared_ptr<const Caller> admit(std::string name, RoleIn role) const;
  bool lets_in(const Identity& identity) const;
  static Role named(const std::vector<Grant>& grants, Grant::To to, std::string_view name);
  static Role role_in(const Grants& grants, const RoleIn& role);

  Replaceable<Grants> grants_;
  const std::string node_;
  const std::shared_ptr<const Tokens> tokens_;
  const bool says_why_;
};

// Whether "name" is meant by "pattern": the same, or beginning with what stands before its '*'.
bool matches(std::string_view pattern, std::string_view name);

// Why the connection of "caller" is to be closed: it named itself by a token that is not there any
// more, or has no role any more.  Null: it may stay; where a token may give it another role it is a
// stranger's again.
const char* objection_to(const Caller& caller);
// Whether nobody with a role was seen there, ever or since their roles were taken: neither whoever
// it belongs to has one, nor was a token shown that has.
bool is_stranger(const Caller& caller);

// The groups of the peer at the other end of a Unix socket, its primary one included.
std::vector<gid_t> groups_of_peer(int socket, gid_t primary);
// As the system's list of users has them, where the socket is not at hand.
std::vector<gid_t> groups_of_user(uid_t uid, gid_t primary);

}  // namespace domed
