#include "deployment/shared_settings.h"

#include <algorithm>

#include "deployment/expand.h"
#include "nodes/cluster_times.h"
#include "search/masks.h"

namespace domed {
namespace {

constexpr std::chrono::hours kLongest{24 * 36500};
constexpr const char* kFormat = "1";  // of a deployment's file, whose sections these are

const YamlNode* present(const YamlFields& fields, const char* key) {
  const YamlNode* node = fields.find(key);
  return node && node->kind != YamlNode::Kind::null ? node : nullptr;
}

// What a node starts, and how, is its own; how much of a queue runs at once is a matter of all.
std::optional<std::map<std::string, std::size_t>> read_limits(const YamlNode& place,
                                                              Checker& check) {
  const YamlFields jobs(check, place, "jobs", kJobKeys);
  for (const auto& key : place.keys)
    if (key.text != "queues" &&
        std::find(kJobKeys.begin(), kJobKeys.end(), key.text) != kJobKeys.end())
      check.fail(key,
                 "jobs." + key.text +
                     " is each node's own, and stands in its deployment: of 'jobs' the settings "
                     "of all nodes have 'queues' alone");
  if (!present(jobs, "queues")) return std::nullopt;
  return read_queues(jobs, check);
}

}  // namespace

ClusterSettings read_cluster_times(const YamlNode& place, Checker& check,
                                   std::chrono::milliseconds cancel_grace) {
  const YamlFields cluster(check, place, "cluster", {"ttl", "lost_after"});
  ClusterSettings out;
  out.ttl = cluster.duration("ttl", std::chrono::minutes(10), out.ttl);
  if (cluster.text("lost_after", "") == "never")
    out.lost_after.reset();
  else
    out.lost_after = cluster.duration("lost_after", std::chrono::hours(24 * 365), *out.lost_after);
  const ClusterTimes times{out.ttl, out.lost_after, cancel_grace};
  if (const std::string problem = times.problem(); !problem.empty())
    check.fail(place, "cluster: " + problem);
  return out;
}

RetentionSettings read_retention(const YamlNode& place, Checker& check) {
  const YamlFields retention(check, place, "retention",
                             {"keep_finished", "keep_jobs", "keep_bytes", "keep_tombstones"});
  RetentionSettings out;
  out.keep_finished = retention.duration("keep_finished", kLongest, out.keep_finished);
  out.keep_jobs = retention.integer("keep_jobs", 0, 1'000'000'000, out.keep_jobs);
  out.keep_bytes = retention.size("keep_bytes", 0, std::uint64_t{1} << 60, out.keep_bytes);
  out.keep_tombstones = retention.duration("keep_tombstones", kLongest, out.keep_tombstones);
  return out;
}

std::vector<std::string> read_masks(const YamlFields& fields, Checker& check) {
  const auto out = fields.texts("mask", {});
  for (const YamlNode* item : fields.items("mask"))
    if (const std::string problem = mask_problem(item->text); !problem.empty())
      check.fail(*item, "mask: " + in_quotes(item->text) + " " + problem);
  return out;
}

SharedSettings read_shared_settings(const std::string& text, const std::filesystem::path& file,
                                    std::chrono::milliseconds cancel_grace) {
  Checker check(file);
  YamlNode root = check.parse(text);
  if (root.kind == YamlNode::Kind::null && !root.bad) check.fail(1, 1, "the file is empty");
  check.done();
  expand_tree(
      root, [](std::string_view) { return std::nullopt; }, {}, check);
  const YamlFields fields(check, root, "", {"domed", "cluster", "retention", "mask", "jobs"});
  fields.choice("domed", {kFormat}, kFormat);
  if (!fields.find("domed"))
    check.fail(root, std::string("missing key 'domed'; write 'domed: ") + kFormat +
                         "', the version of the file's format");
  SharedSettings out;
  if (const YamlNode* node = present(fields, "cluster"))
    out.cluster = read_cluster_times(*node, check, cancel_grace);
  if (const YamlNode* node = present(fields, "retention"))
    out.retention = read_retention(*node, check);
  if (present(fields, "mask")) out.mask = read_masks(fields, check);
  if (const YamlNode* node = present(fields, "jobs")) out.queues = read_limits(*node, check);
  check.done();
  return out;
}

Deployment under(Deployment deployment, const SharedSettings& settings) {
  if (settings.cluster) deployment.cluster = settings.cluster;
  if (settings.retention) deployment.retention = *settings.retention;
  if (settings.mask) deployment.mask = *settings.mask;
  if (settings.queues) deployment.jobs.queues = *settings.queues;
  return deployment;
}

std::vector<std::string> ignored_under(const Deployment& deployment, const SharedSettings& settings,
                                       std::uint64_t revision) {
  std::vector<std::string> out;
  const auto look = [&](bool is_set, const char* key) {
    const auto said = deployment.said_at.find(key);
    if (!is_set || said == deployment.said_at.end()) return;
    out.push_back(said->second + key +
                  " does not hold: the settings of all nodes say it, revision " +
                  std::to_string(revision) + " ('domectl cluster show')");
  };
  look(settings.cluster.has_value(), "cluster.ttl");
  look(settings.cluster.has_value(), "cluster.lost_after");
  look(settings.retention.has_value(), "retention");
  look(settings.mask.has_value(), "mask");
  look(settings.queues.has_value(), "jobs.queues");
  return out;
}

}  // namespace domed
