#include "log/check_store.h"

#include "log/job.h"
#include "log/kernels_own.h"
#include "log/records.h"
#include "protocol/limits.h"

namespace domed {
namespace {

class Reading {
 public:
  Reading(const Store& store, const std::function<void(const std::string&)>& problem)
      : store_(store), problem_(problem) {}

  void read(const JobRecord& record) {
    record.tombstone ? ++report_.tombstones : ++report_.jobs;
    try {
      find(record.job_id);
      const JobHead head = head_of(record);
      if (record.tombstone) return;
      fixed_of(record);
      read_log(record, head);
    } catch (const Error& e) {
      if (e.code() != Code::corruption) throw;
      tell(e.what());
    }
  }
  void tell(const std::string& text) {
    ++report_.problems;
    problem_(text);
  }
  const StoreReport& report() const { return report_; }

 private:
  // A record that stands in a list and is not found by its id would be taken for none, and made
  // again.
  void find(const std::string& job_id) {
    if (!store_.find(job_id))
      throw Error(Code::corruption, "the job '" + job_id +
                                        "' is listed in the store and cannot be found by its id: "
                                        "an index is damaged; restore it from a backup or an "
                                        "export");
  }
  // Behind damage the chain cannot be followed, but each line still has its seal.
  void read_log(const JobRecord& record, const JobHead& head) {
    Digest digest = head.base_digest;
    bool whole = true;
    for (std::uint64_t seq = head.first_seq; seq <= head.head_seq;) try {
        const auto slice =
            store_.read(record.job_id, seq, limits::kPageEvents, limits::kPageBytesMost);
        if (!slice || slice->job.revision != record.revision) return;  // it goes on meanwhile
        if (slice->ends.empty() || slice->from != seq)
          throw Error(Code::corruption, "event " + std::to_string(seq) + " of job '" +
                                            record.job_id + "' is missing");
        std::size_t begin = 0;
        for (const std::uint32_t end : slice->ends) {
          digest = chain(digest, std::string_view(slice->events).substr(begin, end - begin - 1));
          begin = end;
        }
        seq += slice->ends.size();
        report_.events += slice->ends.size();
        report_.bytes += slice->events.size();
      } catch (const Error& e) {
        if (e.code() != Code::corruption) throw;
        whole = false;
        tell(e.what());
        ++seq;
      }
    if (whole && digest != head.digest)
      tell("the events of job '" + record.job_id +
           "' are whole one by one, and do not come to the digest of its record: some are of "
           "another time than the record");
  }

  const Store& store_;
  const std::function<void(const std::string&)>& problem_;
  StoreReport report_;
};

}  // namespace

StoreReport check_store(const Store& store, const std::function<void(const std::string&)>& problem,
                        const std::function<void(const StoreReport&)>& progress) {
  Reading reading(store, problem);
  if (const auto own = store.find(kStoreRecord)) {
    const std::string record = "the record '" + std::string(kStoreRecord) + "'";
    if (own->head.empty() || own->fixed.empty())
      reading.tell(record + " is damaged: without it no daemon starts on this store");
    if (const std::string sealed = sealed_problem(kStoreRecord, own->fixed); !sealed.empty())
      reading.tell(record + ": " + sealed);
  }
  for (const bool tombstones : {false, true}) try {
      ListQuery query;
      query.tombstones = tombstones;
      each_record(store, query, [&](const JobRecord& record) {
        reading.read(record);
        progress(reading.report());
        return true;
      });
    } catch (const Error& e) {
      if (e.code() != Code::corruption) throw;
      reading.tell(std::string("not all ") + (tombstones ? "deleted jobs" : "jobs") +
                   " can be listed: " + e.what());
    }
  return reading.report();
}

}  // namespace domed
