#pragma once

#include <exception>
#include <string>

#include "domed/store.h"
#include "log/job.h"
#include "protocol/api_error.h"

namespace domed {

// The refusals that several parts of the kernel word alike.
inline ApiError no_such_job(const std::string& job_id) {
  return {"E_NOT_FOUND", "no job '" + job_id + "': 'domectl list' shows the jobs there are"};
}

inline ApiError job_is_gone(const std::string& job_id, std::string_view state, std::uint64_t head) {
  return {"E_GONE", "job '" + job_id + "' was deleted", {{"state", state}, {"head", head}}};
}

// A job whose import has not ended is not there yet.
inline void must_be_there(const std::string& job_id, const JobRecord* record) {
  if (!record || head_of(*record).importing) throw no_such_job(job_id);
  if (record->tombstone) throw job_is_gone(job_id, record->columns.state, record->head_seq);
}

// What is asked by a run's token where that run cannot be.
inline ApiError elsewhere(const std::string& job_id, const std::string& node) {
  return {"E_ELSEWHERE",
          "the run of job '" + job_id + "' is the node " + node + "'s: its runner is to ask there",
          {{"node", node}}};
}

inline ApiError busy(const std::string& why, int retry_ms = 50) {
  return {"E_BUSY", why, {{"retry_ms", retry_ms}}};
}

// What stopped a command that the store was asked for, as its answer.
inline std::exception_ptr as_refusal(const std::exception& error) {
  if (const auto* store = dynamic_cast<const Error*>(&error))
    return std::make_exception_ptr(store_failure(*store));
  return std::make_exception_ptr(ApiError("E_INTERNAL", error.what()));
}

}  // namespace domed
