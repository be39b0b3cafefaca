#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace domed {

// What somebody may do; each role may do all that the ones before it may (docs/protocol.md has the
// role of every method).
enum class Role {
  none,
  reader,     // sees every job
  producer,   // appends to jobs whose token it has
  submitter,  // runs the deployment's tools, and ends what it submitted
  admin,      // "operator": everything, any command as the daemon's user included
};

std::string_view role_name(Role role);  // "operator" for admin
std::optional<Role> parse_role(std::string_view name);

// Who asks:  uid:1000@NODE  cert:NAME  token:NAME  anyone
struct Identity {
  std::string name = "anyone";
  Role role = Role::none;
};
using IdentityPtr = std::shared_ptr<const Identity>;
// One who has no role.
const IdentityPtr& nobody();

// Whether "text" may stand in an identity: letters, digits and ._@:/-
bool is_identity(std::string_view text);

// Whom a connection belongs to.  Thread-safe.
class Caller {
 public:
  virtual ~Caller() = default;
  // Who sent a request: whom "token" is of, where the request holds one and the connection's
  // listener takes any; else whose connection it is.  Never null.
  virtual IdentityPtr who(const std::optional<std::string>& token) const = 0;
  // As whom "who" would be taken now, whom who() named before: of the same name, with the role of
  // this moment.  Never null.
  virtual IdentityPtr again(const Identity& who) const = 0;
};

}  // namespace domed
