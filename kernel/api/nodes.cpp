#include "api/nodes.h"

#include "base/version.h"
#include "log/records.h"
#include "log/tags.h"
#include "protocol/request.h"

namespace domed {
namespace {

// Whose unfinished jobs are counted; a node that has more is said to have as many.
constexpr std::size_t kMostJobs = 10'000;

// Of what is left: the last second too.
std::int64_t seconds_of(NodeWords::Span span) {
  return std::chrono::ceil<std::chrono::seconds>(span).count();
}

OrderedJson shown(const NodeLease::Seen& node) {
  const NodeWords& words = node.words;
  OrderedJson out{{"id", words.node},         {"name", words.name},
                  {"version", words.version}, {"endpoints", words.endpoints},
                  {"queues", words.queues},   {"unrenewed_ms", node.unrenewed.count()}};
  if (words.forgotten)
    out["forgotten"] = true;
  else
    out["skew_ms"] = node.skew.count() / 1000;
  if (words.ttl.count() > 0) {
    out["ttl_ms"] = words.ttl.count();
    if (words.lost_after.count() > 0) out["lost_after_ms"] = words.lost_after.count();
  }
  if (words.settings > 0) out["settings"] = words.settings;
  if (node.is_dead) out["dead"] = true;
  if (words.draining) out["draining"] = true;
  if (words.back_in.count() > 0) out["back_in_s"] = seconds_of(words.back_in);
  if (node.wish.drain)
    out["wish"] = {
        {"drain", true}, {"back_in_s", seconds_of(node.wish.back_in)}, {"by", node.wish.by}};
  return out;
}

OrderedJson answer_about(const NodeLease::Seen& node) {
  return {{"node", node.words.node}, {"name", node.words.name}};
}

}  // namespace

OrderedJson NodeMethods::jobs_of(const std::string& id) const {
  ListQuery query;
  query.unfinished = true;
  query.tags = {tag("node", id)};
  std::size_t running = 0, starting = 0;
  each_record(store_, query, [&](const JobRecord& record) {
    ++(record.columns.state == "running" ? running : starting);
    return running + starting < kMostJobs;
  });
  return {{"starting", starting}, {"running", running}};
}

// By its id, or by a name that one node alone has.
NodeLease::Seen NodeMethods::named(const std::string& node) const {
  if (!node_.lease)
    invalid_request("this daemon has its store for itself: there are no other nodes");
  std::vector<NodeLease::Seen> found;
  for (auto& seen : node_.lease->nodes()) {
    if (seen.words.node == node) return seen;
    if (seen.words.name == node) found.push_back(std::move(seen));
  }
  if (found.empty()) throw ApiError("E_NOT_FOUND", "no node '" + node + "'");
  if (found.size() > 1)
    invalid_request("'node': several have the name '" + node + "', so it takes the id");
  return found.front();
}

void NodeMethods::drain_node(Call call) {
  Params params(call.params);
  const std::string node = params.required_text("node");
  const auto most = std::chrono::duration_cast<std::chrono::seconds>(NodeWords::kMaxBackIn);
  const std::chrono::seconds back_in(params.integer("back_in_s", 0, 0, most.count()));
  params.done();
  const NodeLease::Seen seen = named(node);
  node_.lease->wish(seen.words.node, {true, back_in, call.who->name});
  call.result(answer_about(seen).dump());
}

void NodeMethods::undrain_node(Call call) {
  Params params(call.params);
  const std::string node = params.required_text("node");
  params.done();
  const NodeLease::Seen seen = named(node);
  node_.lease->take_wish_back(seen.words.node);
  scheduler_.look_at_others();  // it may be this one, whose turn it is again
  call.result(answer_about(seen).dump());
}

// Typed, since a machine that runs on would run what is run elsewhere too.
void NodeMethods::forget_node(Call call) {
  Params params(call.params);
  const std::string node = params.required_text("node");
  const std::string name = params.required_text("name");
  params.done();
  const NodeLease::Seen seen = named(node);
  if (name != seen.words.name)
    invalid_request("'name': the node " + seen.words.node + " has another name than '" + name +
                    "'");
  if (!node_.lease->forget(seen.words))
    throw ApiError("E_INVALID_TRANSITION",
                   "the node " + seen.words.name + " (" + seen.words.node +
                       ") lives: only one whose machine is off, and whose lease is over, may be "
                       "forgotten");
  scheduler_.look_at_others();
  call.result(answer_about(seen).dump());
}

void NodeMethods::list_nodes(Call call) const {
  Params(call.params).done();
  OrderedJson nodes = OrderedJson::array();
  if (!node_.lease)
    nodes.push_back({{"id", id_}, {"name", name_}, {"version", kVersion}});
  else
    for (const auto& node : node_.lease->nodes()) nodes.push_back(shown(node));
  for (auto& node : nodes) {
    node["jobs"] = jobs_of(node["id"].get<std::string>());
    if (node["id"] == id_) node["this"] = true;
  }
  call.result(OrderedJson{{"nodes", nodes}}.dump());
}

}  // namespace domed
