#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/tool_fence.h"
#include "base/workers.h"
#include "domed/store.h"
#include "follow/streams.h"
#include "jobs/scheduler.h"
#include "log/append.h"
#include "log/journal.h"
#include "protocol/call.h"
#include "protocol/request.h"
#include "provenance/provenance.h"

namespace domed {

// What the methods need to know of the deployment.
struct ServiceConfig {
  std::string epoch, store_name;
  OrderedJson plugins = OrderedJson::array();  // for ListCapabilities
  std::map<std::string, Json> tools;           // by id: the snapshot that jobs keep
  bool allow_ad_hoc = false;
  std::set<std::string> queues{"default"};
  std::size_t most_appends = 512;
  std::size_t most_polls = 1024;  // for ListCapabilities
  // URLs of the event socket that carries the frames of a job, and of all.
  std::function<std::vector<std::string>(const std::string& job_id)> events_urls;
  std::function<std::vector<std::string>()> all_events_urls;
};

// Every method of the control protocol (docs/protocol.md).  Reads go straight to
// the store and never wait for the journal; changes go to the journal, whose
// answer is sent when they are durable.  What asks the store runs on a worker.
//
// Thread-safe.
class Methods {
 public:
  Methods(Store& store, Journal& journal, Streams& streams, Scheduler& scheduler,
          const Provenance& provenance, Environment& environment, Workers& workers,
          ServiceConfig config);

  // Answers "call", soon or later; never blocks.  Throws ApiError for what it refuses
  // at once.
  void call(const std::string& name, Call call);
  // Starts no collecting any more; what waits for it gets E_BUSY.
  void close() { collecting_.close(); }
  // And waits for what is being collected.
  void stop() { collecting_.stop(); }

 private:
  struct Method {
    void (Methods::*handler)(Call);
    bool quick = false;  // asks neither the store nor the system: needs no worker
  };

  void health(Call call);
  void list_capabilities(Call call);
  void list_tools(Call call);
  void get_tool(Call call);
  void submit_job(Call call);
  void append_job_events(Call call);
  void get_job_status(Call call);
  void list_jobs(Call call);
  void cancel_job(Call call);
  OrderedJson cancel_retry(std::string job_id, const std::string& reason);
  void make_planned(const JobRecord& record);
  void hold_job(Call call);
  void release_job(Call call);
  void hold(Call call, bool held);
  void retry_job(Call call);
  void check_queueing(const JobFixed& job) const;
  void delete_job(Call call);
  void trim_job(Call call);
  void import_job(Call call);
  void stream_job_events(Call call);

  void commit_append(Call call, AppendRequest request);
  void await_turn(Call call, std::shared_ptr<AppendRequest> request);
  void collect(Call call, std::shared_ptr<AppendRequest> request, bool last_chance);
  bool add_provenance(AppendRequest& request, bool last_chance) const;
  Json tool_snapshot(const std::string& id) const;
  JobRecord existing(const std::string& job_id) const;
  Digest base_before(const JobRecord& record, std::uint64_t keep_from) const;
  // Submits a change and answers with "result" when it is durable.
  void change(Call call, std::string job_id, bool exclusive, std::function<void(JobLog&)> apply,
              std::function<std::string()> result);

  Store& store_;
  Journal& journal_;
  Streams& streams_;
  Scheduler& scheduler_;
  const Provenance& provenance_;
  Environment& environment_;
  Workers& workers_;
  const ServiceConfig config_;
  const std::map<std::string, Method> table_;
  const ToolFence fence_;
  std::atomic<std::size_t> appends_{0};
  Workers collecting_{4};
};

// The JSON objects that GetJobStatus and ListJobs show.
OrderedJson status_json(const JobRecord& record);
OrderedJson summary_json(const JobRecord& record);

}  // namespace domed
