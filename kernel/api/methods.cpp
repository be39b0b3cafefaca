#include "api/methods.h"

namespace domed {
namespace {

using Entry = std::pair<const std::string, Method>;

template <class Answer, class Part>
Entry at_once(const char* name, Role needs, Answer answer, Part* part) {
  return {name, {needs, Runs::at_once, Audited::no, std::bind_front(answer, part)}};
}
template <class Answer, class Part>
Entry appending(const char* name, Role needs, Answer answer, Part* part) {
  return {name, {needs, Runs::at_once, Audited::own, std::bind_front(answer, part)}};
}
template <class Answer, class Part>
Entry reading(const char* name, Role needs, Answer answer, Part* part) {
  return {name, {needs, Runs::on_worker, Audited::no, std::bind_front(answer, part)}};
}
template <class Answer, class Part>
Entry changing(const char* name, Role needs, Answer answer, Part* part) {
  return {name, {needs, Runs::on_worker, Audited::each, std::bind_front(answer, part)}};
}
template <class Answer, class Part>
Entry changing_in_pieces(const char* name, Role needs, Answer answer, Part* part) {
  return {name, {needs, Runs::on_worker, Audited::pieces, std::bind_front(answer, part)}};
}

// What a reload may change is asked of who has it.
DaemonFacts asking(DaemonFacts facts, const SubmitMethods& submit) {
  facts.allow_ad_hoc = [&submit] { return submit.allows_ad_hoc(); };
  return facts;
}

SubmitMethods::Nodes nodes_of(const ThisNode& node, const KnownNode& alone) {
  if (!node.lease) return [alone] { return std::vector<KnownNode>{alone}; };
  return [lease = node.lease] {
    std::vector<KnownNode> out;
    for (const auto& seen : lease->nodes())
      out.push_back({seen.words.node, seen.words.name, seen.words.queues,
                     seen.unrenewed < lease->times().ttl});
    return out;
  };
}

}  // namespace

Methods::Methods(Store& store, Journal& journal, Streams& streams, Scheduler& scheduler,
                 Environment& environment, Workers& workers, Audit& audit, ServiceConfig config)
    : nodes_(store, scheduler, config.node, config.facts.node_id, config.facts.node_name),
      tools_(std::move(config.tools)),
      submit_(store, journal, streams, environment, tools_, std::move(config.rules),
              std::move(config.store_secret), std::move(config.events_urls),
              nodes_of(config.node, {config.facts.node_id, config.facts.node_name, {}, true})),
      facts_(asking(std::move(config.facts), submit_), environment),
      append_(store, journal, scheduler, audit, config.most_appends, config.node),
      jobs_(store, scheduler),
      search_(store),
      cancel_(store, journal, environment, workers),
      transfer_(store, journal, scheduler, workers, config.node.lease ? config.node.id : ""),
      backup_(config.backup, std::move(config.backup_directory), environment),
      reload_(std::move(config.reload)),
      cluster_(store, journal, std::move(config.cluster)),
      table_{
          // Whoever got in may ask these two; that is why they tell a stranger next to nothing.
          at_once("Health", Role::none, &FactMethods::health, &facts_),
          at_once("WhoAmI", Role::none, &FactMethods::who_am_i, &facts_),
          at_once("ListCapabilities", Role::reader, &FactMethods::list_capabilities, &facts_),
          at_once("GetMetrics", Role::reader, &FactMethods::get_metrics, &facts_),
          at_once("ListTools", Role::reader, &ToolMethods::list_tools, &tools_),
          at_once("GetTool", Role::reader, &ToolMethods::get_tool, &tools_),
          // To threads of its own.
          at_once("SearchJob", Role::reader, &SearchMethods::search_job, &search_),
          // At once, as StreamJobEvents, though both may need more time: what has to wait they take
          // to threads of their choice. Mostly nothing has: a live job's page is in memory, and a
          // batch that comes alone is committed by the thread that brought it.
          appending("AppendJobEvents", Role::producer, &AppendMethods::append_job_events, &append_),
          at_once("StreamJobEvents", Role::reader, &Streams::page, &streams),
          reading("GetJobStatus", Role::reader, &JobMethods::get_job_status, &jobs_),
          reading("ListJobs", Role::reader, &JobMethods::list_jobs, &jobs_),
          reading("FindJob", Role::reader, &JobMethods::find_job, &jobs_),
          // A command takes an operator, and the job of somebody else: see there.
          changing("SubmitJob", Role::submitter, &SubmitMethods::submit_job, &submit_),
          changing("RetryJob", Role::submitter, &SubmitMethods::retry_job, &submit_),
          changing("CancelJob", Role::submitter, &CancelMethods::cancel_job, &cancel_),
          changing("HoldJob", Role::submitter, &CancelMethods::hold_job, &cancel_),
          changing("ReleaseJob", Role::submitter, &CancelMethods::release_job, &cancel_),
          changing("PauseJob", Role::submitter, &CancelMethods::pause_job, &cancel_),
          changing("ResumeJob", Role::submitter, &CancelMethods::resume_job, &cancel_),
          changing("DeleteJob", Role::submitter, &TransferMethods::delete_job, &transfer_),
          changing("TrimJob", Role::admin, &TransferMethods::trim_job, &transfer_),
          changing_in_pieces("ImportJob", Role::admin, &TransferMethods::import_job, &transfer_),
          changing_in_pieces("Backup", Role::admin, &BackupMethods::backup, &backup_),
          changing("Reload", Role::admin, &ReloadMethods::reload, &reload_),
          changing("ApplyCluster", Role::admin, &ClusterMethods::apply_cluster, &cluster_),
          reading("GetCluster", Role::admin, &ClusterMethods::get_cluster, &cluster_),
          reading("ListNodes", Role::admin, &NodeMethods::list_nodes, &nodes_),
          changing("DrainNode", Role::admin, &NodeMethods::drain_node, &nodes_),
          changing("UndrainNode", Role::admin, &NodeMethods::undrain_node, &nodes_),
          changing("ForgetNode", Role::admin, &NodeMethods::forget_node, &nodes_),
      } {
  append_.use(std::move(config.masks));
}

const Method& Methods::named(const std::string& name) const {
  const auto it = table_.find(name);
  if (it != table_.end()) return it->second;
  std::string known;
  for (const auto& item : table_) known += (known.empty() ? "" : ", ") + item.first;
  throw ApiError("E_UNKNOWN_METHOD", "unknown method '" + name + "': there are " + known);
}

}  // namespace domed
