#include "api/nodes.h"

#include "base/version.h"
#include "log/records.h"
#include "log/tags.h"
#include "protocol/request.h"

namespace domed {
namespace {

// Whose unfinished jobs are counted; a node that has more is said to have as many.
constexpr std::size_t kMostJobs = 10'000;

OrderedJson shown(const NodeLease::Seen& node) {
  const NodeWords& words = node.words;
  OrderedJson out{{"id", words.node},
                  {"name", words.name},
                  {"version", words.version},
                  {"endpoints", words.endpoints},
                  {"queues", words.queues},
                  {"unrenewed_ms", node.unrenewed.count()},
                  {"skew_ms", node.skew.count() / 1000}};
  if (node.is_dead) out["dead"] = true;
  return out;
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
