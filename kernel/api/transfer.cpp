#include "api/transfer.h"

#include "api/change.h"
#include "api/import.h"
#include "api/permission.h"
#include "log/records.h"
#include "log/refusal.h"
#include "protocol/limits.h"
#include "protocol/request.h"

namespace domed {
namespace {

// What deleting and importing answer: which log it was, and how far it went.
std::string log_text(const std::string& job_id, const JobHead& head) {
  return OrderedJson{{"job_id", job_id},
                     {"log_id", head.log_id},
                     {"state", state_name(head.state)},
                     {"head_seq", head.head_seq},
                     {"digest", to_hex(head.digest)}}
      .dump();
}

}  // namespace

void TransferMethods::delete_job(Call call) {
  Params params(call.params);
  const std::string job_id = params.job_id();
  params.done();
  auto head = std::make_shared<JobHead>();
  JobChange change;
  change.job_id = job_id;
  // As a trim: an entry of a store does one thing (domed/store.h), and cannot append too.
  change.exclusive = true;
  change.owned = true;
  change.apply = [=](JobLog& log, const Identity& who) {
    // Elsewhere E_GONE is the answer to all; here it is what the log was.
    if (log.is_tombstone()) must_own(who, log.submitter(), job_id);
    log.purge();
    *head = log.head();
  };
  change.result = [=, this] {
    // The log first, the disk after it and not on this thread, which commits. A daemon that dies in
    // between leaves a directory without a job, and those are swept (jobs/sweep.h).
    workers_.run([this, job_id] { scheduler_.forget(job_id); });
    return log_text(job_id, *head);
  };
  submit(journal_, std::move(call), std::move(change));
}

void TransferMethods::trim_job(Call call) {
  Params params(call.params);
  const std::string job_id = params.job_id();
  const auto keep = static_cast<std::uint64_t>(params.integer("keep_from_seq", 0, 1, INT64_MAX));
  params.done();
  if (keep == 0)
    throw ApiError("E_INVALID_REQUEST", "'keep_from_seq' is required: the oldest seq to keep");
  const JobRecord record = existing(store_, job_id);
  // The newest event stays: without its end a log could not be told from a torn one.
  if (keep > record.head_seq)
    throw ApiError("E_CURSOR_AHEAD", "keep_from_seq lies beyond the head, which always stays",
                   {{"head", record.head_seq}});
  if (keep <= record.first_seq)
    return call.result(OrderedJson{{"first_seq", record.first_seq}}.dump());
  // Of the log as it is at this moment. That it still begins there is looked at in the commit
  // itself (JobLog::trim): of two trims at once the later one gets E_BUSY.
  const Front front = front_of(record, keep);
  JobChange change;
  change.job_id = job_id;
  change.exclusive = true;
  change.apply = [=, first = record.first_seq](JobLog& log, const Identity&) {
    log.trim(first, keep, front.base, front.bytes);
  };
  change.result = [=] { return OrderedJson{{"first_seq", keep}}.dump(); };
  submit(journal_, std::move(call), std::move(change));
}

// Events never change, so the digest can be computed outside the journal.
TransferMethods::Front TransferMethods::front_of(const JobRecord& record,
                                                 std::uint64_t keep_from) const {
  Front front{head_of(record).base_digest, 0};
  // `Digest` is of a line without its LF, what the log takes in the store is with it.
  const bool whole =
      each_line(store_, record.job_id, record.first_seq, keep_from, [&](std::string_view line) {
        front.base = chain(front.base, line);
        front.bytes += line.size() + 1;
      });
  if (!whole) throw busy("job '" + record.job_id + "' was trimmed by someone else just now");
  return front;
}

void TransferMethods::import_job(Call call) {
  std::string job_id;
  auto piece = std::make_shared<ImportPiece>(read_import(call.params, job_id));
  if (piece->record) piece->record->fixed.accepted_by = node_;
  auto head = std::make_shared<JobHead>();
  JobChange change;
  change.job_id = job_id;
  change.apply = [=](JobLog& log, const Identity&) {
    log.import(*piece);
    *head = log.head();
  };
  change.result = [=] { return log_text(job_id, *head); };
  submit(journal_, std::move(call), std::move(change));
}

}  // namespace domed
