#include "protocol/identity.h"

#include <algorithm>
#include <array>
#include <utility>

namespace domed {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, 5> kNames{{{Role::none, "none"},
                                                                   {Role::reader, "reader"},
                                                                   {Role::producer, "producer"},
                                                                   {Role::submitter, "submitter"},
                                                                   {Role::admin, "operator"}}};

}  // namespace

std::string_view role_name(Role role) {
  return kNames.at(static_cast<std::size_t>(role)).second;
}

std::optional<Role> parse_role(std::string_view name) {
  for (const auto& [role, text] : kNames)
    if (text == name) return role;
  return std::nullopt;
}

bool is_identity(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._@:/-").find(c) != std::string_view::npos;
  });
}

const IdentityPtr& nobody() {
  static const IdentityPtr kNobody = std::make_shared<const Identity>();
  return kNobody;
}

}  // namespace domed
