#pragma once

#include <string>

#include "soak.h"

namespace domed::soak {

// Events as producers report them.
inline std::string line(const std::string& text) {
  return R"({"type":"log","payload":{"stream":"stdout","text":")" + text + "\"}}";
}
inline std::string change(const std::string& to) {
  return R"({"type":"state_change","payload":{"to":")" + to + "\"}}";
}

// What seq(1) writes.
inline std::string output_of_seq(int last) {
  std::string out;
  for (int i = 1; i <= last; ++i) out += std::to_string(i) + "\n";
  return out;
}

// Of the answer to a SubmitJob.
inline Job job_of(const Json& reply, const std::string& expected = "") {
  return {reply.at("job_id"), reply.at("log_id"), reply.at("run_id"),
          reply.value("producer_token", ""), expected};
}

}  // namespace domed::soak
