#pragma once

#include <optional>
#include <string>
#include <vector>

#include "log/job.h"
#include "protocol/event.h"

namespace domed {

// What an export says of a job beside its events.  What the events tell too (fixed.claims: the
// keys of a status) must fit them.
struct ImportRecord {
  JobFixed fixed;
  std::string log_id, request_hash;
  // Of a trimmed log: where it begins, and what the events before would have told.
  std::uint64_t first_seq = 1;
  Digest base_digest{};
  std::int64_t created = 0, started = 0, cancel_requested = 0;
  std::string node;  // where the run was
};

// A part of a finished log, bytes and ids as another store had them.  The job is
// hidden until its last piece has come, so that nobody follows, cancels or
// continues a copy that would be another log under the same id.
struct ImportPiece {
  std::optional<ImportRecord> record;  // with the first piece
  std::string log_id;                  // which import the others belong to
  std::vector<Line> lines;
  bool last = true;
  std::optional<Digest> digest;  // with the last one: what the whole log comes to
};

}  // namespace domed
