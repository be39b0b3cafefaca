#pragma once

#include <string>
#include <vector>

#include "support/harness.h"

namespace domed::test {

// A job as an export has it: its status and its retained event lines.
struct Export {
  Json record;
  std::vector<std::string> lines;
};

// What 'domectl export' reads from a daemon.
Export export_job(Kernel& kernel, const std::string& job_id);
// What 'domectl import' sends: the params of one ImportJob after the other, with
// at most "lines_each" event lines in a piece.
std::vector<Json> import_pieces(const Export& job, std::size_t lines_each);
// Sends them all; the last reply.
Json import_job(Kernel& kernel, const Export& job, std::size_t lines_each);

}  // namespace domed::test
