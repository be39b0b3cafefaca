#pragma once

#include <cstdint>
#include <string>

#include "base/words.h"
#include "domed/error.h"

namespace domed {

// Stored bytes of one job that are not what was written, and where: its record, or its events from
// "seq" on.  All other jobs, and the events before, are as they were.
class Damage : public Error {
 public:
  Damage(std::string job, std::uint64_t from, const std::string& text)
      : Error(Code::corruption, with_nul_shown(text)), job_id(std::move(job)), seq(from) {}

  const std::string job_id;
  const std::uint64_t seq;  // 0: the record
};

}  // namespace domed
