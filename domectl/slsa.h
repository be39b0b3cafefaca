#pragma once

#include "base/json.h"

namespace domed::ctl {

// An in-toto Statement v1 with the SLSA v1 provenance predicate, from a job's
// status.  Its subjects are the artifacts; where there are none, what the job
// wrote to its streams.  Throws Error(not_found) for a job without provenance,
// one that has not started.
OrderedJson slsa_statement(const OrderedJson& status);

}  // namespace domed::ctl
