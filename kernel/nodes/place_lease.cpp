#include "nodes/place_lease.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <utility>

#include "base/json.h"
#include "domed/error.h"
#include "nodes/node_words.h"
#include "nodes/observer.h"

namespace domed {
namespace {

// One name for all: it is the place that is taken.
constexpr auto kName = "daemon";

std::string said(const Json& text, const char* key) {
  const auto it = text.find(key);
  return it != text.end() && it->is_string() ? it->get<std::string>() : "";
}

}  // namespace

std::string host_name() {
  char name[256] = "";
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0')
    return "a machine without a name";
  return name;
}

std::string place_of(const std::filesystem::path& state_dir) {
  std::string machine;
  std::ifstream("/etc/machine-id") >> machine;
  struct stat found {};
  if (machine.empty() || ::stat(state_dir.c_str(), &found) != 0) return "";
  return machine + '/' + std::to_string(found.st_dev) + '/' + std::to_string(found.st_ino);
}

std::string PlaceLease::text() const {
  return Json{{"node", self_.node}, {"place", self_.place}, {"name", self_.name}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
}

void PlaceLease::took(Clock::time_point sent) {
  until_ = (sent + settings_.ttl).time_since_epoch().count();
}

void PlaceLease::take() {
  for (bool again = true;; again = false) {
    const auto sent = settings_.now();
    if (leases_.acquire(kName, self_.epoch, settings_.ttl, text())) {
      taken_ = true;
      must_be_alone();
      return took(sent);
    }
    const auto held = leases_.held(kName);
    const auto other = std::find_if(held.begin(), held.end(),
                                    [](const Lease& lease) { return lease.name == kName; });
    if (other == held.end()) continue;  // it went this moment
    const Json text = Json::parse(other->text, nullptr, false);
    const Json& words = text.is_object() ? text : Json::object();
    // The lock on our state_dir is ours, so who had it is gone.  Without a name for the place
    // nothing is known.
    const bool ours = !self_.place.empty() && said(words, "place") == self_.place &&
                      said(words, "node") == self_.node;
    if (ours && again) {
      leases_.release(kName, other->holder);
      continue;
    }
    throw Error(
        Code::conflict,
        "the store is in use by the daemon of the node " + said(words, "node") + " on " +
            said(words, "name") + ", heard " + std::to_string(other->age.count() / 1000) +
            " s ago: stop that one, or wait: " + std::to_string(settings_.ttl.count() / 1000) +
            " s after its last word the store is free");
  }
}

// Another node that acts on the store with others, be it silent; empty: there is none.
std::string PlaceLease::one_of_several() const {
  for (const Lease& lease : leases_.held(kNodeLease)) {
    const NodeWords other = NodeWords::parse(lease.text);
    if (other.node != self_.node) return other.name + " (" + other.node + ")";
  }
  return "";
}

void PlaceLease::must_be_alone() {
  const std::string other = one_of_several();
  if (other.empty()) return;
  give_back();
  throw Error(Code::conflict, "several nodes act on the store, the node " + other +
                                  " among them: this deployment has to say 'cluster' as theirs do");
}

// Who comes as one of several has its own lease before it looks here, as whoever wants the place
// for itself has that before it looks there: of two who come at once one sees the other at least.
void must_be_shared(const Leases& leases) {
  for (const Lease& lease : leases.held(kName))
    if (lease.name == kName && lease.age < PlaceLease::Settings().ttl)
      throw Error(
          Code::conflict,
          "a daemon has the store for itself, whose deployment does not say 'cluster': stop "
          "it first, or wait 15 s where it is gone");
}

// Whether nobody has had it since our last renewal, though its time may be over.
bool PlaceLease::is_ours_still() const {
  for (const Lease& lease : leases_.held(kName))
    if (lease.name == kName) return lease.holder == self_.epoch;
  return false;
}

bool PlaceLease::renew() {
  auto sent = settings_.now();
  if (leases_.renew(kName, self_.epoch, settings_.ttl, text())) {
    took(sent);
    return true;
  }
  // Over, while the store was away or we were.  The row tells whether somebody came in between;
  // who comes from here on makes acquire() fail.
  sent = settings_.now();
  if (!is_ours_still() || !leases_.acquire(kName, self_.epoch, settings_.ttl, text())) return false;
  if (!one_of_several().empty()) {  // who came while it was over
    leases_.release(kName, self_.epoch);
    return false;
  }
  took(sent);
  return true;
}

void PlaceLease::keep(std::function<void()> lost) {
  heartbeat_.start(settings_.ttl / 3, [this, lost = std::move(lost)] {
    if (renew()) return true;
    until_ = 0;
    lost();
    return false;
  });
}

void PlaceLease::give_back() noexcept try {
  heartbeat_.stop();
  until_ = 0;
  if (std::exchange(taken_, false)) leases_.release(kName, self_.epoch);
} catch (const std::exception&) {  // then its time ends it
}

}  // namespace domed
