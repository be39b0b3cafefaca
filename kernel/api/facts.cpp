#include "api/facts.h"

#include <algorithm>

#include "base/units.h"
#include "base/version.h"
#include "protocol/limits.h"
#include "protocol/request.h"

namespace domed {
namespace {

OrderedJson troubles_json(const std::vector<Troubles::Trouble>& troubles) {
  OrderedJson out = OrderedJson::array();
  for (const auto& [subject, text, lasts] : troubles)
    out.push_back({{"subject", subject}, {"message", text}, {"lasts_s", lasts.count()}});
  return out;
}

}  // namespace

// Asks neither store nor journal. It is the watchdog's ping (main/daemon.cpp), which must not take
// a slow disk for a dead listener; and it has to tell of a store that fails.
void FactMethods::health(Call call) const {
  Params(call.params).done();
  OrderedJson out{{"version", kVersion},
                  {"protocol", kProtocol},
                  {"epoch", facts_.epoch},
                  {"time", format_time(environment_.now())}};
  // Troubles name jobs and files, and the rest is of no use to a stranger.
  if (call.who->role >= Role::reader) {
    out["store"] = facts_.store_name;
    out["node"] = {{"id", facts_.node_id}, {"name", facts_.node_name}};
    out["events"] = facts_.events_urls();
    out["work"] = facts_.work();
    out["frames_lost"] = facts_.frames_lost();
    if (const auto left = facts_.disk_free()) out["disk_free"] = *left;
    out.update(facts_.among_others());
    out["troubles"] = troubles_json(facts_.troubles());
  }
  call.result(out.dump());
}

void FactMethods::get_metrics(Call call) const {
  Params(call.params).done();
  call.result(OrderedJson{{"text", facts_.metrics()}}.dump());
}

void FactMethods::who_am_i(Call call) const {
  Params(call.params).done();
  OrderedJson roles = OrderedJson::array();
  for (const Role role : {Role::reader, Role::producer, Role::submitter, Role::admin})
    if (role <= call.who->role) roles.push_back(role_name(role));
  call.result(OrderedJson{{"identity", call.who->name}, {"roles", roles}}.dump());
}

namespace {

// What a client may ask for that not every daemon of this protocol knows.
OrderedJson features(const DaemonFacts& facts) {
  OrderedJson out{"accept_imported", "accepts",     "before_seq", "cluster",  "drain",
                  "expires_s",       "external",    "frames",     "lines",    "long-poll",
                  "metrics",         "names",       "nodes",      "pause",    "polling_producers",
                  "reload",          "retry_env",   "roles",      "search",   "secrets",
                  "submit_node",     "submit_wait", "t",          "troubles", "waiting"};
  if (facts.allow_ad_hoc()) out.push_back("ad-hoc");
  if (facts.can_backup) out.push_back("backup");
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

void FactMethods::list_capabilities(Call call) const {
  Params(call.params).done();
  const OrderedJson out{{"plugins", facts_.plugins},
                        {"limits",
                         {{"request_bytes", limits::kRequestBytes},
                          {"event_bytes", limits::kEventBytes},
                          {"batch_bytes", limits::kBatchBytes},
                          {"batch_events", limits::kBatchEvents},
                          {"producers", limits::kProducers},
                          {"kept_batches", limits::kKeptOutcomes},
                          {"batches_ahead", limits::kBatchesAhead},
                          {"streams", limits::kStreams},
                          {"json_depth", kMaxJsonDepth},
                          {"page_events", limits::kPageEvents},
                          {"page_bytes", limits::kPageBytesMost},
                          {"wait_ms", limits::kWaitMsMost},
                          {"frame_bytes", limits::kFrameBytes},
                          {"held_polls", facts_.most_polls}}},
                        {"features", features(facts_)}};
  call.result(out.dump());
}

}  // namespace domed
