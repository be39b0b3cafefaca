#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domed/store.h"
#include "sqlite.h"

namespace domed {

// What record_of() takes from a row of jobs, in this order.
#define DOMED_RECORD_COLUMNS                                                             \
  "job_id, created, first_seq, head_seq, tombstone, unfinished, state, tags, revision, " \
  "head"
#define DOMED_FIXED_COLUMN ", (SELECT bytes FROM fixed WHERE fixed.no = jobs.no)"

// The next columns of "row" as a record.
JobRecord record_of(sqlite::Query& row, bool with_fixed);

// Tags as the column keeps them: each behind its length in two bytes, in their order.
std::string packed(const std::vector<std::string>& tags);
// Whether "bytes" are packed("tags"), found without making them: every append asks.
bool is_packed(std::string_view bytes, const std::vector<std::string>& tags);
// What cannot be unpacked, because it is damaged, is left out.
std::vector<std::string> unpacked(std::string_view bytes);

}  // namespace domed
