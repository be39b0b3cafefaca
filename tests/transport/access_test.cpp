#include "transport/access.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "base/units.h"
#include "system/fd.h"

namespace domed {
namespace {

constexpr std::int64_t kHour = 3'600'000'000;

std::shared_ptr<Tokens> tokens() {
  return std::make_shared<Tokens>(
      std::vector<Tokens::Token>{{"builds", sha256("s3cret"), {}},
                                 {"old", sha256("stale"), now_micros() - kHour},
                                 {"young", sha256("fresh"), now_micros() + kHour}});
}

std::shared_ptr<const Access> access(std::vector<Grant> grants,
                                     std::shared_ptr<const Tokens> known = nullptr) {
  return std::make_shared<const Access>(std::move(grants), "n1", std::move(known));
}

// "NAME ROLE", or "" of whom nobody lets in.
std::string told(const std::shared_ptr<const Caller>& caller,
                 const std::optional<std::string>& token = {}) {
  if (!caller) return "";
  const IdentityPtr who = caller->who(token);
  return who->name + " " + std::string(role_name(who->role));
}

TEST(Access, UsersAndGroupsHaveTheirHighestRole) {
  const auto door = access({{Role::reader, Grant::To::group, "g", 7},
                            {Role::submitter, Grant::To::group, "h", 8},
                            {Role::admin, Grant::To::user, "root", 0}});
  EXPECT_EQ(told(door->user(5, {7})), "uid:5@n1 reader");
  EXPECT_EQ(told(door->user(5, {8, 7})), "uid:5@n1 submitter");
  EXPECT_EQ(told(door->user(0, {7})), "uid:0@n1 operator");
  EXPECT_EQ(told(door->user(5, {9})), "") << "nobody without a role gets in";
  EXPECT_EQ(told(door->user(5, {})), "");
  EXPECT_EQ(told(door->stranger()), "");
  EXPECT_EQ(told(door->certificate("ci")), "");
}

// While a reload is under way, a name may be that of somebody else already, or still.
TEST(Access, NobodyHasMoreThanByBothWhileItIsNarrowed) {
  const auto door =
      std::make_shared<Access>(std::vector<Grant>{{Role::admin, Grant::To::certificate, "old"},
                                                  {Role::reader, Grant::To::certificate, "new"}},
                               "n1", nullptr, true);
  const auto old = door->certificate("old"), fresh = door->certificate("new");
  const std::vector<Grant> next{{Role::reader, Grant::To::certificate, "old"},
                                {Role::admin, Grant::To::certificate, "new"}};
  door->narrow(next);
  EXPECT_EQ(told(old), "cert:old reader");
  EXPECT_EQ(told(fresh), "cert:new reader");
  door->replace(next);
  EXPECT_EQ(told(old), "cert:old reader");
  EXPECT_EQ(told(fresh), "cert:new operator");
}

TEST(Access, CertificatesAreMatchedByName) {
  const auto door = access({{Role::reader, Grant::To::certificate, "*"},
                            {Role::submitter, Grant::To::certificate, "ci-*"},
                            {Role::admin, Grant::To::certificate, "ci"}});
  EXPECT_EQ(told(door->certificate("ci")), "cert:ci operator");
  EXPECT_EQ(told(door->certificate("ci-7")), "cert:ci-7 submitter");
  EXPECT_EQ(told(door->certificate("CI")), "cert:CI reader");
  EXPECT_EQ(told(door->certificate("")), "") << "none was shown";
  // A token where none is asked for changes nothing.
  EXPECT_EQ(told(door->certificate("ci"), "s3cret"), "cert:ci operator");
}

TEST(Access, ATokenSaysWhoSends) {
  const auto door =
      access({{Role::submitter, Grant::To::token, "builds"}, {Role::reader, Grant::To::token, "*"}},
             tokens());
  const auto caller = door->stranger();
  EXPECT_EQ(told(caller), "anyone none");
  EXPECT_EQ(told(caller, "s3cret"), "token:builds submitter");
  EXPECT_EQ(told(caller, "fresh"), "token:young reader");
  for (const auto* wrong : {"", "stale", "s3cre", "s3cret ", "S3CRET"})
    EXPECT_EQ(told(caller, wrong), "an unknown or expired token none") << wrong;
}

// What the connection itself is worth does not make up for a wrong token.
TEST(Access, AWrongTokenIsNobodysEvenWithACertificate) {
  const auto door =
      access({{Role::admin, Grant::To::certificate, "*"}, {Role::reader, Grant::To::token, "*"}},
             tokens());
  EXPECT_EQ(told(door->certificate("ci")), "cert:ci operator");
  EXPECT_EQ(told(door->certificate("ci"), "s3cret"), "token:builds reader");
  EXPECT_EQ(told(door->certificate("ci"), "guess"), "an unknown or expired token none");
}

TEST(Access, AnyoneIsEverybody) {
  const auto door = access({{Role::reader, Grant::To::anyone, ""}});
  EXPECT_EQ(told(door->stranger()), "anyone reader");
  EXPECT_EQ(told(door->user(5, {})), "uid:5@n1 reader");
}

TEST(Access, AConnectionKnowsWhenItsTokenIsGone) {
  const auto known = tokens();
  const auto door = access({{Role::reader, Grant::To::token, "*"}}, known);
  const auto one = door->stranger(), other = door->stranger();
  one->who("s3cret");
  other->who("fresh");
  other->who("guess");
  known->replace({{"young", sha256("fresh"), {}}});
  EXPECT_TRUE(objection_to(*one));
  EXPECT_FALSE(objection_to(*other));
  EXPECT_EQ(told(one, "s3cret"), "an unknown or expired token none");
}

// The same name with another secret: whoever has the old one is not let go on.
TEST(Access, ATokenThatWasReplacedIsGone) {
  const auto known = tokens();
  const auto door = access({{Role::reader, Grant::To::token, "*"}}, known);
  const auto caller = door->stranger();
  caller->who("s3cret");
  known->replace({{"builds", sha256("another"), {}}});
  EXPECT_TRUE(objection_to(*caller));
}

TEST(Access, AStrangerIsWhoNeverShowedARole) {
  const auto door =
      std::make_shared<Access>(std::vector<Grant>{{Role::reader, Grant::To::token, "builds"},
                                                  {Role::submitter, Grant::To::certificate, "ci"}},
                               "n1", tokens(), true);
  const auto caller = door->stranger(), late = door->stranger(), ci = door->certificate("ci");
  EXPECT_TRUE(is_stranger(*caller));
  for (const auto* wrong : {"guess", "stale", "fresh"}) {
    caller->who(wrong);
    EXPECT_TRUE(is_stranger(*caller)) << wrong << " has no role";
  }
  caller->who("s3cret");
  EXPECT_FALSE(is_stranger(*caller));
  EXPECT_FALSE(is_stranger(*ci));
  EXPECT_TRUE(is_stranger(*door->certificate("other"))) << "it is let in to be told so";
  EXPECT_FALSE(is_stranger(*access({{Role::reader, Grant::To::anyone, ""}})->stranger()));
  door->replace({{Role::reader, Grant::To::anyone, ""}});
  EXPECT_FALSE(is_stranger(*late));
  door->replace({});
  EXPECT_FALSE(is_stranger(*ci)) << "it had one";
}

// It may show another token.
TEST(Access, WhoHasLostTheirRoleIsAStrangerAgain) {
  const auto door =
      std::make_shared<Access>(std::vector<Grant>{{Role::submitter, Grant::To::token, "builds"},
                                                  {Role::reader, Grant::To::token, "young"},
                                                  {Role::reader, Grant::To::certificate, "ci"}},
                               "n1", tokens());
  const auto one = door->stranger(), both = door->stranger(), ci = door->certificate("ci");
  for (const auto& caller : {one, both}) caller->who("s3cret");
  both->who("fresh");
  const auto strangers = [&] {
    std::string out;
    for (const auto& [caller, name] : {std::pair(one, '1'), {both, '2'}, {ci, 'c'}}) {
      EXPECT_FALSE(objection_to(*caller));
      if (is_stranger(*caller)) out += name;
    }
    return out;
  };
  EXPECT_EQ(strangers(), "");
  door->replace({{Role::reader, Grant::To::token, "young"}});
  EXPECT_EQ(strangers(), "1c");
  one->who("fresh");
  EXPECT_EQ(strangers(), "c");
}

// Who waits for an answer is asked again by name: the secret is not kept.
TEST(Access, WhoeverAskedIsLookedAtAgain) {
  const auto known = tokens();
  const auto door =
      std::make_shared<Access>(std::vector<Grant>{{Role::submitter, Grant::To::token, "builds"},
                                                  {Role::reader, Grant::To::certificate, "ci"}},
                               "n1", known);
  const auto caller = door->certificate("ci");
  const auto again = [&](const Identity& who) {
    const IdentityPtr now = caller->again(who);
    return now->name + " " + std::string(role_name(now->role));
  };
  const IdentityPtr self = caller->who({}), builds = caller->who("s3cret"), lost = caller->who("x");
  EXPECT_EQ(again(*self), "cert:ci reader");
  EXPECT_EQ(again(*builds), "token:builds submitter");
  EXPECT_EQ(again(*lost), lost->name + " none");
  EXPECT_EQ(again({"token:young", Role::admin}), "token:young none") << "it was not shown";
  door->replace({{Role::reader, Grant::To::token, "builds"}});
  EXPECT_EQ(again(*self), "cert:ci none");
  EXPECT_EQ(again(*builds), "token:builds reader");
  known->replace({{"builds", sha256("another"), {}}});
  EXPECT_EQ(again(*builds), "token:builds none");
}

// As after a reload: the connections that are there have what the grants say now.
TEST(Access, GrantsAreReplacedUnderThoseWhoAreThere) {
  const auto door =
      std::make_shared<Access>(std::vector<Grant>{{Role::admin, Grant::To::user, "", 5},
                                                  {Role::reader, Grant::To::group, "g", 7}},
                               "n1", nullptr);
  const auto one = door->user(5, {}), other = door->user(6, {7});
  EXPECT_EQ(told(one), "uid:5@n1 operator");
  door->replace({{Role::reader, Grant::To::user, "", 5}});
  EXPECT_EQ(told(one), "uid:5@n1 reader");
  EXPECT_EQ(told(other), "uid:6@n1 none");
  EXPECT_FALSE(objection_to(*one));
  EXPECT_TRUE(objection_to(*other));
  EXPECT_EQ(told(door->user(6, {7})), "");
}

TEST(Access, GroupsOfThePeerAreTheSystems) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const Fd one(ends[0]), other(ends[1]);
  std::vector<gid_t> own(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  if (!own.empty()) getgroups(static_cast<int>(own.size()), own.data());
  own.push_back(getegid());
  auto found = groups_of_peer(ends[0], getegid());
  std::sort(own.begin(), own.end());
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, own);
}

}  // namespace
}  // namespace domed
