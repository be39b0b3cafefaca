#include "api/methods.h"

namespace domed {

Methods::Methods(Store& store, Journal& journal, Streams& streams, Scheduler& scheduler,
                 Environment& environment, Workers& workers, ServiceConfig config)
    : facts_(std::move(config.facts), environment),
      tools_(std::move(config.tools)),
      submit_(store, journal, environment, tools_, std::move(config.rules),
              std::move(config.store_secret), std::move(config.events_urls)),
      append_(store, journal, scheduler, config.most_appends),
      jobs_(store, scheduler),
      cancel_(store, journal, environment, workers),
      transfer_(store, journal, scheduler, workers),
      backup_(config.backup, std::move(config.backup_directory), environment),
      table_{
          {"Health", {Runs::at_once, std::bind_front(&FactMethods::health, &facts_)}},
          {"ListCapabilities",
           {Runs::at_once, std::bind_front(&FactMethods::list_capabilities, &facts_)}},
          {"ListTools", {Runs::at_once, std::bind_front(&ToolMethods::list_tools, &tools_)}},
          {"GetTool", {Runs::at_once, std::bind_front(&ToolMethods::get_tool, &tools_)}},
          {"SubmitJob", {Runs::on_worker, std::bind_front(&SubmitMethods::submit_job, &submit_)}},
          {"RetryJob", {Runs::on_worker, std::bind_front(&SubmitMethods::retry_job, &submit_)}},
          // At once, as StreamJobEvents, though both may need more time: what has to wait they take
          // to threads of their choice. Mostly nothing has: a live job's page is in memory, and a
          // batch that comes alone is committed by the thread that brought it.
          {"AppendJobEvents",
           {Runs::at_once, std::bind_front(&AppendMethods::append_job_events, &append_)}},
          {"GetJobStatus", {Runs::on_worker, std::bind_front(&JobMethods::get_job_status, &jobs_)}},
          {"ListJobs", {Runs::on_worker, std::bind_front(&JobMethods::list_jobs, &jobs_)}},
          {"StreamJobEvents", {Runs::at_once, std::bind_front(&Streams::page, &streams)}},
          {"CancelJob", {Runs::on_worker, std::bind_front(&CancelMethods::cancel_job, &cancel_)}},
          {"HoldJob", {Runs::on_worker, std::bind_front(&CancelMethods::hold_job, &cancel_)}},
          {"ReleaseJob", {Runs::on_worker, std::bind_front(&CancelMethods::release_job, &cancel_)}},
          {"DeleteJob",
           {Runs::on_worker, std::bind_front(&TransferMethods::delete_job, &transfer_)}},
          {"TrimJob", {Runs::on_worker, std::bind_front(&TransferMethods::trim_job, &transfer_)}},
          {"Backup", {Runs::on_worker, std::bind_front(&BackupMethods::backup, &backup_)}},
          {"ImportJob",
           {Runs::on_worker, std::bind_front(&TransferMethods::import_job, &transfer_)}},
      } {}

const Method& Methods::named(const std::string& name) const {
  const auto it = table_.find(name);
  if (it != table_.end()) return it->second;
  std::string known;
  for (const auto& item : table_) known += (known.empty() ? "" : ", ") + item.first;
  throw ApiError("E_UNKNOWN_METHOD", "unknown method '" + name + "': there are " + known);
}

}  // namespace domed
