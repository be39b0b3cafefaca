#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "api/methods.h"
#include "base/workers.h"
#include "deployment/deployment.h"
#include "follow/publisher.h"
#include "follow/streams.h"
#include "jobs/boot_mark.h"
#include "jobs/scheduler.h"
#include "loader/loader.h"
#include "loader/plugin_log.h"
#include "log/environment.h"
#include "log/journal.h"
#include "provenance/provenance.h"
#include "system/fd.h"
#include "system/process.h"
#include "transport/ipc_path.h"
#include "transport/nng/control_server.h"
#include "transport/nng/event_sockets.h"
#include "transport/nng/watchdog.h"

namespace domed {

// A whole daemon, put together from a deployment.  An event's way through it:
// control -> methods -> journal -> store, then publisher and streams.
class Daemon {
 public:
  // Opens plugins and store, recovers what an earlier daemon left, then serves.
  // Throws Error; nothing is then left running.
  explicit Daemon(const Deployment& deployment);
  ~Daemon();

  // Starts no more jobs and waits until none runs; false: asked to stop first.
  bool drain(const std::stop_token& stop);

 private:
  void open();
  void open_plugins();
  void open_store_and_journal();
  void recover();
  void serve();
  void stop();
  void take(std::string bytes, std::uint32_t pipe, ControlServer::Reply reply);
  void handle(const std::string& bytes, Call call);
  ServiceConfig service_config() const;
  SchedulerConfig scheduler_config() const;
  std::vector<std::string> events_urls(const std::string& job_id) const;
  std::vector<std::string> all_events_urls() const;

  const Deployment& deployment_;
  SystemEnvironment environment_;
  const std::string epoch_;
  const mode_t umask_ = present_umask();  // that we were started with
  FileLock state_lock_;
  BootMark boot_;
  std::size_t open_files_ = 0;  // the soft limit that we were started with

  // In the order of construction; destroyed the other way round, after the
  // destructor has stopped them in the order that loses nothing.
  std::vector<std::unique_ptr<Plugin>> plugins_;
  std::vector<std::shared_ptr<PluginLog>> plugin_logs_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<EventSockets> events_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Provenance> provenance_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<Streams> streams_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Methods> methods_;
  std::unique_ptr<Watchdog> watchdog_;
};

}  // namespace domed
