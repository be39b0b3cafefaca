#include "transport/access.h"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "base/units.h"

namespace domed {
namespace {

constexpr const char* kAnyone = "anyone";
const std::string kToken = "token:";

bool is_valid(const Tokens::Token& token, std::int64_t now) {
  return !token.expires || now < *token.expires;
}

// Every byte is looked at, so that the time it takes tells nothing of where they differ.
bool are_same(const Digest& a, const Digest& b) {
  unsigned differing = 0;
  for (std::size_t i = 0; i < a.size(); ++i) differing |= static_cast<unsigned>(a[i] ^ b[i]);
  return differing == 0;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

void Tokens::replace(std::vector<Token> tokens) {
  const std::lock_guard lock(mutex_);
  tokens_ = std::move(tokens);
}

std::optional<Tokens::Token> Tokens::find(std::string_view secret, std::int64_t now) const {
  const Digest digest = sha256(secret);
  std::optional<Token> found;
  const std::lock_guard lock(mutex_);
  for (const Token& token : tokens_)
    if (are_same(token.sha256, digest) && is_valid(token, now)) found = token;
  return found;
}

bool Tokens::has(const std::string& name, const Digest& sha256, std::int64_t now) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(tokens_.begin(), tokens_.end(), [&](const Token& token) {
    return token.name == name && token.sha256 == sha256 && is_valid(token, now);
  });
}

// A connection whose peer said who it is when it came.
class Access::Known : public Caller {
 public:
  Known(std::shared_ptr<const Access> access, std::string name, RoleIn role)
      : access_(std::move(access)), name_(std::move(name)), role_(std::move(role)) {}

  // One that is not known is nobody's: it must not be taken for the connection's own word, which
  // may be worth more.
  IdentityPtr who(const std::optional<std::string>& token) const override {
    if (!token || !access_->takes_tokens()) return self();
    const auto known = access_->tokens_->find(*token, now_micros());
    if (!known)
      return std::make_shared<const Identity>(Identity{"an unknown or expired token", Role::none});
    const std::lock_guard lock(mutex_);
    used_[known->name] = known->sha256;
    auto who = of_token(known->name);
    if (who->role != Role::none) had_a_role_ = true;
    return who;
  }

  // By the name alone, for no secret is kept.
  IdentityPtr again(const Identity& who) const override {
    if (who.name == name_) return self();
    const std::lock_guard lock(mutex_);
    const auto used = std::find_if(used_.begin(), used_.end(), [&](const auto& token) {
      return kToken + token.first == who.name;
    });
    if (used == used_.end() || !access_->tokens_->has(used->first, used->second, now_micros()))
      return std::make_shared<const Identity>(Identity{who.name, Role::none});
    return of_token(used->first);
  }

  // As the grants are now, which a reload may have changed.
  IdentityPtr self() const {
    const auto grants = access_->grants_.now();
    const std::lock_guard lock(mutex_);
    if (grants != seen_) {
      self_ = std::make_shared<const Identity>(Identity{name_, role_in(*grants, role_)});
      seen_ = grants;
      if (self_->role != Role::none) had_a_role_ = true;
    }
    return self_;
  }
  bool had_a_role() const { return had_a_role_ || self()->role != Role::none; }
  // From now on it is a stranger's, where nobody who was seen on it has a role any more.
  void look_again() const {
    if (self()->role != Role::none) return;
    const std::lock_guard lock(mutex_);
    had_a_role_ = std::any_of(used_.begin(), used_.end(), [&](const auto& token) {
      return of_token(token.first)->role != Role::none;
    });
  }
  const Access& access() const { return *access_; }

  bool has_lost_its_token() const {
    const std::lock_guard lock(mutex_);
    return std::any_of(used_.begin(), used_.end(), [&](const auto& token) {
      return !access_->tokens_->has(token.first, token.second, now_micros());
    });
  }

 private:
  IdentityPtr of_token(const std::string& name) const {
    const Role role = role_in(*access_->grants_.now(), [&](const auto& grants) {
      return named(grants, Grant::To::token, name);
    });
    return std::make_shared<const Identity>(Identity{kToken + name, role});
  }

  const std::shared_ptr<const Access> access_;
  const std::string name_;
  const RoleIn role_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Grants> seen_;  // that "self_" is made of
  mutable IdentityPtr self_;
  mutable std::map<std::string, Digest> used_;  // tokens, by name
  mutable std::atomic<bool> had_a_role_ = false;
};

Access::Access(std::vector<Grant> grants, std::string node, std::shared_ptr<const Tokens> tokens,
               bool says_why)
    : grants_({std::move(grants), {}}),
      node_(std::move(node)),
      tokens_(std::move(tokens)),
      says_why_(says_why) {}

std::shared_ptr<const Access> Access::unrestricted(bool ipc) {
  std::vector<Grant> grants;
  if (ipc)
    for (const uid_t uid : {uid_t{0}, geteuid()})
      grants.push_back({Role::admin, Grant::To::user, "", uid});
  else
    grants.push_back({Role::admin, Grant::To::anyone, ""});
  return std::make_shared<const Access>(std::move(grants), "here", nullptr);
}

bool Access::takes_tokens() const {
  if (!tokens_) return false;
  const auto grants = grants_.now();
  return std::any_of(grants->all.begin(), grants->all.end(),
                     [](const Grant& grant) { return grant.to == Grant::To::token; });
}

Role Access::role_in(const Grants& grants, const RoleIn& role) {
  return grants.bound ? std::min(role(grants.all), role(*grants.bound)) : role(grants.all);
}

Role Access::named(const std::vector<Grant>& grants, Grant::To to, std::string_view name) {
  Role role = Role::none;
  for (const Grant& grant : grants)
    if (grant.to == Grant::To::anyone || (grant.to == to && matches(grant.name, name)))
      role = std::max(role, grant.role);
  return role;
}

std::shared_ptr<const Caller> Access::user(uid_t uid, const std::vector<gid_t>& groups) const {
  const auto role_in = [uid, groups](const std::vector<Grant>& grants) {
    Role role = Role::none;
    for (const Grant& grant : grants)
      if (grant.to == Grant::To::anyone || (grant.to == Grant::To::user && grant.id == uid) ||
          (grant.to == Grant::To::group &&
           std::find(groups.begin(), groups.end(), grant.id) != groups.end()))
        role = std::max(role, grant.role);
    return role;
  };
  return admit("uid:" + std::to_string(uid) + "@" + node_, role_in);
}

std::shared_ptr<const Caller> Access::certificate(const std::string& name) const {
  const auto to = name.empty() ? Grant::To::anyone : Grant::To::certificate;
  return admit(name.empty() ? kAnyone : "cert:" + name,
               [to, name](const std::vector<Grant>& grants) { return named(grants, to, name); });
}

// Without a role nobody gets in but to be told so, or where a token may give one.
bool Access::lets_in(const Identity& identity) const {
  const bool known = identity.name != kAnyone;
  return identity.role != Role::none || takes_tokens() || (says_why_ && known);
}

std::shared_ptr<const Caller> Access::admit(std::string name, RoleIn role) const {
  auto caller = std::make_shared<const Known>(shared_from_this(), std::move(name), std::move(role));
  return lets_in(*caller->self()) ? caller : nullptr;
}

const char* objection_to(const Caller& caller) {
  const auto* known = dynamic_cast<const Access::Known*>(&caller);
  if (!known) return nullptr;
  if (known->has_lost_its_token()) return "the token that it named itself by is gone";
  known->look_again();
  return known->access().lets_in(*known->self()) ? nullptr : "it has no role any more";
}

bool is_stranger(const Caller& caller) {
  const auto* known = dynamic_cast<const Access::Known*>(&caller);
  return known && !known->had_a_role();
}

std::vector<gid_t> groups_of_peer(int socket, gid_t primary) {
  std::vector<gid_t> groups(1024);
  for (;;) {
    auto bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    const int result = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes);
    const std::size_t count = bytes / sizeof(gid_t);
    const bool more = result != 0 && errno == ERANGE && count > groups.size();
    groups.resize(result == 0 || more ? count : 0);
    if (!more) break;
  }
  groups.push_back(primary);
  return groups;
}

std::vector<gid_t> groups_of_user(uid_t uid, gid_t primary) {
  std::vector<char> space(1 << 16);
  passwd entry{}, *found = nullptr;
  getpwuid_r(uid, &entry, space.data(), space.size(), &found);
  if (!found) return {primary};
  std::vector<gid_t> groups(64);
  int count = static_cast<int>(groups.size());
  while (getgrouplist(found->pw_name, primary, groups.data(), &count) < 0) {
    if (count <= static_cast<int>(groups.size())) count = 2 * static_cast<int>(groups.size());
    groups.resize(static_cast<std::size_t>(count));
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

}  // namespace domed
