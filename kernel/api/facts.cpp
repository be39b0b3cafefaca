#include "api/facts.h"

#include <algorithm>

#include "base/object_text.h"
#include "base/units.h"
#include "base/version.h"
#include "protocol/limits.h"
#include "protocol/request.h"

namespace domed {
namespace {

std::string text_of(const DaemonFacts::Work& work) {
  ObjectText out;
  out.number("queued", work.queued)
      .number("oldest_s", work.oldest_s)
      .number("running", work.running)
      .number("clients", work.clients)
      .number("subscribers", work.subscribers)
      .number("held_polls", work.held_polls);
  if (work.draining) out.json("draining", "true");
  return out.take();
}

template <class List, class TextOf>
std::string array_text(const List& list, TextOf&& text_of) {
  std::string out;
  for (const auto& item : list) (out += out.empty() ? '[' : ',') += text_of(item);
  return out.empty() ? "[]" : out + ']';
}

std::string text_of(const Troubles::Trouble& trouble) {
  ObjectText out;
  out.text("subject", trouble.subject).text("message", trouble.text);
  return out.number("lasts_s", trouble.lasts.count()).take();
}

}  // namespace

// Asks neither store nor journal. It is the watchdog's ping (main/daemon.cpp), which must not take
// a slow disk for a dead listener; and it has to tell of a store that fails.
void FactMethods::health(Call call) const {
  Params(call.params).done();
  ObjectText out;
  out.text("version", kVersion)
      .number("protocol", kProtocol)
      .text("epoch", facts_.epoch)
      .text("time", format_time(environment_.now()));
  // Troubles name jobs and files, and the rest is of no use to a stranger.
  if (call.who->role >= Role::reader) {
    ObjectText node;
    node.text("id", facts_.node_id).text("name", facts_.node_name);
    out.text("store", facts_.store_name)
        .json("node", node.take())
        .json("events", array_text(facts_.events_urls(), json_string))
        .json("work", text_of(facts_.work()))
        .number("frames_lost", facts_.frames_lost());
    if (const auto left = facts_.disk_free()) out.number("disk_free", *left);
    const OrderedJson others = facts_.among_others();
    for (const auto& [name, value] : others.items()) out.json(name, value.dump());
    out.json("troubles", array_text(facts_.troubles(), [](const Troubles::Trouble& trouble) {
               return text_of(trouble);
             }));
  }
  call.result(out.take());
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
