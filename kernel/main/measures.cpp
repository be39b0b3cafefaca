#include "main/measures.h"

#include <sys/resource.h>
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

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double open_descriptors() {
  std::error_code ignored;
  const auto all = std::filesystem::directory_iterator("/proc/self/fd", ignored);
  return static_cast<double>(std::distance(begin(all), end(all)));
}

}  // namespace

std::optional<std::uint64_t> free_bytes(const std::filesystem::path& directory) {
  struct statvfs found {};
  if (statvfs(directory.c_str(), &found) != 0) return std::nullopt;
  return std::uint64_t{found.f_bavail} * found.f_frsize;
}

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
  metrics.gauges("domed_jobs_queued", "Jobs that wait for their turn, by queue.", gauges.queued);
  metrics.gauges("domed_queue_oldest_seconds",
                 "How old the oldest job is that waits for nothing but its turn, by queue.",
                 gauges.oldest);
  add("domed_jobs_running", "Jobs that have a slot.", gauges.running);
  add("domed_troubles", "What does not work at the moment: Health says what.", gauges.troubles);
  add("domed_store_failing", "1: the store keeps nothing at the moment.", gauges.store_fails);
  metrics.counted("domed_frames_lost_total", "Frames that slow subscribers lost.",
                  [lost = gauges.frames_lost] { return static_cast<double>(lost()); });
  const std::filesystem::path directory = gauges.state_dir;
  add("domed_disk_free_bytes", "Room left where the state_dir lies.", [directory] {
    const auto left = free_bytes(directory);
    return left ? static_cast<double>(*left) : -1;
  });
  add("process_resident_memory_bytes", "Resident memory of the daemon.", resident_bytes);
  add("process_open_fds", "Descriptors that the daemon has open.", open_descriptors);
  metrics.counted("process_cpu_seconds_total", "Processor time of the daemon.", cpu_seconds);
  metrics.gauges("domed_build_info", "Which domed this is.", [] {
    return Metrics::Values{{metric_label("version", kVersion), 1.0}};
  });
}

void measure(Metrics& metrics, const std::string& collector, std::chrono::nanoseconds took,
             bool ok) {
  const std::string label = metric_label("collector", collector);
  metrics
      .histogram("domed_collector_duration_seconds", "How long collectors took for their answer.",
                 label)
      .observe(took);
  if (!ok)
    metrics
        .counter("domed_collector_failures_total", "Collectors' answers that were none, or late.",
                 label)
        .add();
}

void measure(Metrics& metrics, StoreWatch& watch) {
  Histogram& time =
      metrics.histogram("domed_commit_duration_seconds", "How long the store took for a commit.");
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
    metrics.histogram("domed_job_duration_seconds", "How long jobs ran.")
        .observe(std::chrono::microseconds(news.ended - news.started));
}

}  // namespace domed
