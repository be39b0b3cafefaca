#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "domed/error.h"
#include "provenance/provenance.h"

namespace domed::test {

using Answer = std::function<std::string(const CollectRequest&)>;

class FakeCollector final : public Collector {
 public:
  explicit FakeCollector(Answer answer) : answer_(std::move(answer)) {}
  std::string collect(const CollectRequest& request) override { return answer_(request); }

 private:
  Answer answer_;
};

inline Source source(Answer answer, std::vector<std::string> fields = {"commit_sha", "dirty_flag"},
                     const std::string& name = "fake",
                     std::chrono::milliseconds budget = std::chrono::seconds(20)) {
  return {name,
          "1.2.3",
          std::move(fields),
          budget,
          std::make_shared<FakeCollector>(std::move(answer)),
          std::string(64, 'a')};
}

inline Answer always(const std::string& text) {
  return [text](const CollectRequest&) { return text; };
}

// A job that this daemon runs, ad hoc.
inline JobFixed local_job() {
  JobFixed job;
  job.job_id = "j";
  job.request = {{"command", {"/bin/true"}}};
  return job;
}

inline Json record_of(std::vector<Source> sources, const JobFixed& job = local_job(),
                      const std::string& cwd = "/") {
  const Provenance provenance(std::move(sources), [](const std::string&) {});
  return Json::parse(provenance.collect(job, cwd));
}

inline void expect_unknown(const Json& from, const std::string& field, const std::string& why) {
  EXPECT_EQ("unknown", from[field]) << field;
  EXPECT_NE(std::string::npos, from.value(field + "_reason", "").find(why)) << from.dump(1);
}

}  // namespace domed::test
