#include "main/measures.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>

#include "base/version.h"

namespace domed {
namespace {

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double free_bytes(const std::filesystem::path& directory) {
  struct statvfs found {};
  if (statvfs(directory.c_str(), &found) != 0) return -1;
  return static_cast<double>(found.f_bavail) * static_cast<double>(found.f_frsize);
}

}  // namespace

void measure(Metrics& metrics, const Gauges& gauges) {
  const auto add = [&](const char* name, const char* help, auto value) {
    metrics.gauge(name, help, [value] { return static_cast<double>(value()); });
  };
  add("domed_connections", "Clients that are connected to the control sockets.",
      gauges.connections);
  add("domed_subscribers", "Clients that are connected to the event sockets.", gauges.subscribers);
  add("domed_requests_under_way", "Requests that are not answered yet, held polls included.",
      gauges.requests_under_way);
  add("domed_held_polls", "Long polls that wait for an event.", gauges.held_polls);
  add("domed_jobs_queued", "Jobs that wait for their turn.", gauges.queued);
  add("domed_jobs_running", "Jobs that have a slot.", gauges.running);
  add("domed_troubles", "What does not work at the moment: Health says what.", gauges.troubles);
  add("domed_frames_lost", "Frames that slow subscribers lost since the start.",
      gauges.frames_lost);
  const std::filesystem::path directory = gauges.state_dir;
  add("domed_disk_free_bytes", "Room left where the state_dir lies.",
      [directory] { return free_bytes(directory); });
  add("process_resident_memory_bytes", "Resident memory of the daemon.", resident_bytes);
  metrics.gauge("domed_build_info", std::string("domed ") + kVersion, [] { return 1.0; });
}

void measure(Metrics& metrics, StoreWatch& watch) {
  Histogram& time =
      metrics.histogram("domed_commit_seconds", "How long the store took for a commit.");
  Counter& events = metrics.counter("domed_events_total", "Events that were made durable.");
  Counter& bytes = metrics.counter("domed_event_bytes_total", "Bytes of their lines.");
  watch.kept = [&](std::chrono::nanoseconds took, std::size_t count, std::size_t size) {
    time.observe(took);
    events.add(count);
    bytes.add(size);
  };
}

void count(Metrics& metrics, const JobNews& news) {
  if (!news.started && !news.ended)
    metrics.counter("domed_jobs_submitted_total", "Jobs that were submitted.").add();
  if (!news.ended) return;
  metrics
      .counter("domed_jobs_ended_total", "Jobs that are over.",
               metric_label("state", std::string(state_name(news.state))) + "," +
                   metric_label("reason", news.reason))
      .add();
  if (news.started)
    metrics.histogram("domed_job_seconds", "How long jobs ran.")
        .observe(std::chrono::microseconds(news.ended - news.started));
}

}  // namespace domed
