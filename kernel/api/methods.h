#pragma once

#include <functional>
#include <map>
#include <string>

#include "api/append.h"
#include "api/audit.h"
#include "api/backup.h"
#include "api/cancel.h"
#include "api/cluster.h"
#include "api/facts.h"
#include "api/jobs.h"
#include "api/nodes.h"
#include "api/reload.h"
#include "api/search.h"
#include "api/submit.h"
#include "api/tools.h"
#include "api/transfer.h"
#include "follow/streams.h"

namespace domed {

// What the methods need to know of the deployment.
struct ServiceConfig {
  DaemonFacts facts;
  SubmitRules rules;
  std::string store_secret;            // log/kernels_own.h
  std::map<std::string, Json> tools;   // by id: the snapshot that jobs keep
  std::shared_ptr<const Masks> masks;  // what must not be stored; may be null
  std::size_t most_appends = 512;
  ThisNode node;             // of a store that others act on too
  Backup* backup = nullptr;  // null: the store cannot be copied while it is in use
  std::string backup_directory;
  SubmitMethods::EventsUrls events_urls;  // of the event socket that carries a job's frames
  ClusterHooks cluster;                   // of one of several nodes
  ReloadMethods::Reload reload;           // null: there is no deployment to read again
};

// Where a method is answered: on the thread that brought the request, which must not wait for the
// store or the system; or on a worker.
enum class Runs { at_once, on_worker };

// Whether it changes something, and so is told in the log: each request, or all pieces of one long
// change as one.  "own": its method tells what is to be told.
enum class Audited { no, each, pieces, own };

struct Method {
  Role needs = Role::admin;  // the least role that may ask
  Runs runs = Runs::on_worker;
  Audited audited = Audited::no;
  std::function<void(Call)> answer;  // throws ApiError for what it refuses at once
};

// The table of the control protocol (docs/protocol.md): each method by its name, and the parts
// that answer them.
//
// Thread-safe.
class Methods {
 public:
  Methods(Store& store, Journal& journal, Streams& streams, Scheduler& scheduler,
          Environment& environment, Workers& workers, Audit& audit, ServiceConfig config);

  // Throws ApiError(E_UNKNOWN_METHOD) that says which there are.
  const Method& named(const std::string& name) const;
  const std::map<std::string, Method>& all() const { return table_; }

  // From now on these hold, for jobs that are not there yet.
  void use(SubmitRules rules, ToolMethods::Tools tools, std::shared_ptr<const Masks> masks) {
    tools_.use(std::move(tools));
    submit_.use(std::move(rules));
    append_.use(std::move(masks));
  }

  // Starts no collecting any more; what waits for it gets E_BUSY.
  void close() { append_.close(); }
  // And waits for what is being collected, searched or copied.
  void stop() {
    append_.stop();
    search_.stop();
    backup_.stop();
  }

 private:
  // The order matters: "submit_" is given "tools_", "facts_" asks "submit_", and the table, the
  // last one, points at all of them.
  NodeMethods nodes_;  // the first: what it is given is moved away by others
  ToolMethods tools_;
  SubmitMethods submit_;
  FactMethods facts_;
  AppendMethods append_;
  JobMethods jobs_;
  SearchMethods search_;
  CancelMethods cancel_;
  TransferMethods transfer_;
  BackupMethods backup_;
  ReloadMethods reload_;
  ClusterMethods cluster_;
  const std::map<std::string, Method> table_;
};

}  // namespace domed
