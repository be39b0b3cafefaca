#pragma once

#include <map>
#include <set>
#include <string>

#include "jobs/context.h"

namespace domed {

// Slots of limited queues (nodes/queue_slots.h) as a step on a run takes and frees them.  All that
// is decided is decided by records, so that any node may do it for any, and a node that dies
// between two of these steps leaves nothing that another one could not take on or free:
//   before its claim     The slot is of no use to the claim of anybody else, and is had by whoever
//                        claims the job on the same record; it is freed when the lease of that
//                        epoch is over.
//   after its claim      The slot is the job's, until it is over or is taken back.
//   after the end        Anybody frees it.
// Of a daemon that is alone on its store there are none: it counts what it runs itself.

// Takes a slot for a claim on "record", or has it, if the job's queue has a limit.  The claim must
// then be made on this very record.  False: the queue is full.
bool take_slot(const JobsContext& context, const JobRecord& record);
// The job has been claimed, by whomever: what runs has a slot, above the limit too.
void keep_slot(const JobsContext& context, const JobRecord& record);

// By queue, the jobs that have slots.
using SlotHolders = std::map<std::string, std::set<std::string>>;
// Those of "queue", as they are.
std::set<std::string> slot_holders(const JobsContext& context, const std::string& queue);
// The same when what the job needs no more has been freed.
std::set<std::string> free_slots(const JobsContext& context, const std::string& queue,
                                 const std::string& job_id);
// Those of all queues, when what no job needs any more has been freed.
SlotHolders free_slots(const JobsContext& context);

}  // namespace domed
