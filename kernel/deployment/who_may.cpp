#include "deployment/who_may.h"

#include <unistd.h>

#include <algorithm>

#include "protocol/endpoint.h"
#include "system/trusted_path.h"

namespace domed {

std::string deed_of(Role role, Audience audience) {
  if (audience == Audience::events) return "read the events of every job";
  switch (role) {
    case Role::reader:
      return "read every job's output";
    case Role::producer:
      return "read every job's output, and append to jobs whose token they have";
    case Role::submitter:
      return "read every job's output, run the deployment's tools, and end what they submitted";
    default:
      return "run any command as the daemon's user, " + describe_user(geteuid());
  }
}

namespace {

std::string in_words(const Grant& grant, const Listener& listener) {
  const bool all = grant.name == "*";
  const std::string which =
      grant.name.ends_with('*')
          ? "whose name begins with " + grant.name.substr(0, grant.name.size() - 1)
          : "called " + grant.name;
  switch (grant.to) {
    case Grant::To::user:
      return grant.id == geteuid() ? describe_user(grant.id) + ", the daemon's user" : grant.name;
    case Grant::To::group:
      return "the members of group " + grant.name;
    case Grant::To::certificate:
      return "whoever shows a certificate" + (all ? "" : " " + which) + " that " +
             listener.tls->client_ca.string() + " signed";
    case Grant::To::token:
      return all ? "whoever sends a token" : "whoever sends the token " + which;
    case Grant::To::anyone:
      break;
  }
  return "any user of this machine";
}

}  // namespace

std::vector<std::string> who_may(const Listener& listener, Audience audience) {
  std::vector<Grant> grants = listener.grants;
  std::stable_sort(grants.begin(), grants.end(),
                   [](const Grant& a, const Grant& b) { return a.role > b.role; });
  std::vector<std::string> out;
  for (const Grant& grant : grants)
    out.push_back(in_words(grant, listener) + ": " + std::string(role_name(grant.role)) + ", may " +
                  deed_of(grant.role, audience));
  return out;
}

bool are_reached_by_runners(const std::vector<Listener>& listeners) {
  return std::any_of(listeners.begin(), listeners.end(), [](const Listener& listener) {
    if (url_scheme(listener.url) == "ipc") return true;
    return !listener.tls &&
           std::any_of(listener.grants.begin(), listener.grants.end(), [](const Grant& grant) {
             return grant.to == Grant::To::anyone && grant.role >= Role::producer;
           });
  });
}

}  // namespace domed
