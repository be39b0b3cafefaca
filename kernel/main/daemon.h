#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "api/dispatcher.h"
#include "api/methods.h"
#include "base/replaceable.h"
#include "base/workers.h"
#include "deployment/deployment.h"
#include "deployment/shared_settings.h"
#include "follow/publisher.h"
#include "follow/streams.h"
#include "jobs/scheduler.h"
#include "loader/opened_plugin.h"
#include "log/checked_store.h"
#include "log/elsewhere.h"
#include "log/environment.h"
#include "log/journal.h"
#include "log/present_store.h"
#include "log/sealed_store.h"
#include "main/log.h"
#include "main/measures.h"
#include "main/settings.h"
#include "nodes/held_store.h"
#include "nodes/node_lease.h"
#include "probes/probes.h"
#include "provenance/provenance.h"
#include "system/file_lock.h"
#include "transport/control_server.h"
#include "transport/event_sockets.h"
#include "transport/watchdog.h"

namespace domed {

// A whole daemon, put together from a deployment.  An event's way through it:
// control -> dispatcher -> methods -> journal -> store, then publisher and streams.
class Daemon {
 public:
  // Opens plugins and store, recovers what an earlier daemon left, then serves.
  // Throws Error; nothing is then left running.
  // "stale": the store is not what was opened any more, so that this daemon knows nothing: it is to
  // be made anew.  Called by any thread, perhaps again; must not block.
  Daemon(Deployment deployment, std::function<void()> stale);
  ~Daemon();

  // Reads the deployment again, and with it tokens, certificates and revocations; takes over what
  // can change (deployment/difference.h), and ends the connections of those who may not come any
  // more.  The log says what came of it.  Throws Error for a deployment that cannot be used: then
  // nothing has changed.  Thread-safe.
  Reloaded reload();
  // As it was read last; what it says of what all nodes hold to (in_force) aside.
  Deployment deployment() const { return *deployment_.now(); }
  // Starts no more jobs and waits until none runs; false: asked to stop first.
  bool drain(const std::stop_token& stop);

 private:
  void claim();
  void open_plugins();
  Store& open_store();
  void open_layers(Store& place);
  void join(Leases& leases);
  void hear_others();
  Streams::Shared shared_follow();
  OrderedJson among_others();
  ClusterHooks cluster_hooks();
  Deployment in_force() const;
  void take_settings(const Store& store);
  void take_settings_if_any();
  void choose_times(const std::vector<Lease>& nodes, const Store& store);
  void check_limits(const SharedSettings& next, const std::string& file);
  void open_followers();
  void open_log();
  void open_methods();
  void recover();
  void serve();
  void stop();
  Gauges gauges();
  void use(const Deployment& deployment, const DoorFiles& files);
  void use_in_force();
  // The subject of a trouble that lasts as long as the job.
  static std::string damage_in(const std::string& job_id) { return "damage in job " + job_id; }
  std::string troubles_of_store();
  std::vector<std::string> expiring();
  void tell_what_expires(const std::stop_token& stop);

  Replaceable<Deployment> deployment_;
  std::mutex reload_mutex_;  // one at a time
  // What all nodes hold to, and the times among it, which do not change while we are one of them.
  struct Settings {
    std::uint64_t revision = 0;
    SharedSettings what;
  };
  Replaceable<Settings> settings_{{}};
  std::optional<ClusterSettings> times_;
  const std::function<void()> stale_;
  SystemEnvironment environment_;
  const std::string epoch_;
  Inherited inherited_;
  FileLock state_lock_;
  // What others are told of where this one is; and whether it may act on what it sees of them.
  Replaceable<std::vector<std::string>> own_urls_{{}};
  std::atomic<bool> serves_{false};

  // In the order of construction; destroyed the other way round, after the
  // destructor has stopped them in the order that loses nothing.
  std::vector<std::unique_ptr<OpenedPlugin>> plugins_;  // the store's is the first
  const std::shared_ptr<Tokens> tokens_;
  Doors doors_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<EventSockets> events_;
  std::unique_ptr<Store> fenced_;          // the plugin's, behind its fence
  std::unique_ptr<HeldPlace> held_;        // of a store that others can open too; else null
  std::unique_ptr<NodeLease> lease_;       // of one that others act on too; else null
  std::unique_ptr<CheckedStore> checked_;  // whose bytes are as they were written
  std::unique_ptr<SealedStore> sealed_;    // what the journal commits to
  std::unique_ptr<PresentStore> store_;    // what all others read
  std::string store_secret_;
  Troubles troubles_{log_trouble};
  Audit audit_{log_audit};
  Metrics metrics_;
  std::unique_ptr<Provenance> provenance_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<Streams> streams_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Elsewhere> elsewhere_;  // hears what others commit; null where none does
  std::unique_ptr<Methods> methods_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Watchdog> watchdog_;
  std::unique_ptr<Probes> probes_;  // null where the deployment names no place
  std::jthread daily_;              // tells what expires
};

}  // namespace domed
