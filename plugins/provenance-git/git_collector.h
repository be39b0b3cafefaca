#pragma once

#include <chrono>
#include <string>

#include "domed/collector.h"
#include "domed/host.h"
#include "domed/options.h"
#include "examine.h"
#include "git.h"

namespace domed::git {

// Says which commit, with which changes, a job's working directory holds.
// docs/provenance.md describes the fields and the measures that keep this safe.
// Keeps no state but git's version, so that any number of threads may collect.
class GitCollector : public Collector {
 public:
  GitCollector(const Options& options, Host& host);

  std::string collect(const CollectRequest& request) override;

 private:
  const std::chrono::milliseconds timeout_;
  const Wishes wishes_;
  Git git_;
};

}  // namespace domed::git
