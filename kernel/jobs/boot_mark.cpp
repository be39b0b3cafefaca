#include "jobs/boot_mark.h"

#include "domed/error.h"
#include "log/records.h"
#include "protocol/limits.h"
#include "system/own_file.h"
#include "system/process.h"

namespace domed {
namespace {

Digest digest_of(const Store& store, const JobRecord& record, const Digest& base) {
  Digest digest = base;
  std::uint64_t seq = record.first_seq;
  while (seq <= record.head_seq) {
    const auto slice = store.read(record.job_id, seq, limits::kPageEvents, limits::kPageBytesMost);
    if (!slice || slice->ends.empty() || slice->from != seq)
      throw Error(Code::corruption,
                  "event " + std::to_string(seq) + " of job '" + record.job_id +
                      "' is missing, so that its log cannot be given the new log_id that it needs "
                      "after the machine went down: put the store back from a copy, or serve "
                      "another one");
    std::size_t begin = 0;
    for (const std::uint32_t end : slice->ends) {
      digest = chain(digest, std::string_view(slice->events).substr(begin, end - begin - 1));
      begin = end;
    }
    seq += slice->ends.size();
  }
  return digest;
}

std::optional<JobHead> readable_head(const JobRecord& record,
                                     const std::function<void(const std::string&)>& log) try {
  fixed_of(record);
  return head_of(record);
} catch (const Error& e) {
  log("job " + record.job_id + " is left alone, its record cannot be read: " + e.what());
  return std::nullopt;
}

}  // namespace

BootMark::BootMark(const std::filesystem::path& state_dir, std::string boot_id)
    : file_(state_dir / "boot"), boot_id_(std::move(boot_id)) {}

// What is there and is no mark hides one perhaps.
bool BootMark::machine_went_down() const try {
  const std::string served = read_own(file_);
  return !served.empty() && served != boot_id_ + "\n";
} catch (const Error& e) {
  if (e.code() != Code::unsupported) throw;
  return true;
}

void BootMark::set() {
  std::error_code error;
  if (std::filesystem::is_directory(std::filesystem::symlink_status(file_, error)))
    std::filesystem::remove_all(file_, error);
  write_own(file_, boot_id_ + "\n", true);
}

void BootMark::clear() noexcept {
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
}

void reidentify_unfinished(const Store& store, Journal& journal, Environment& environment,
                           const std::function<void(const std::string&)>& log) {
  for (const auto& job_id : unfinished_jobs(store)) {
    const auto record = store.find(job_id);
    const auto head = record ? readable_head(*record, log) : std::nullopt;
    if (!head || head->importing || is_terminal(head->state)) continue;
    const std::string log_id = environment.random_id();
    const Digest base = head->first_seq == 1 ? base_of(log_id) : head->base_digest;
    const Digest digest = digest_of(store, *record, base);
    journal.run(job_id, [&](JobLog& job) { job.become(log_id, digest); });
  }
}

}  // namespace domed
