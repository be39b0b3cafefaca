#pragma once

#include <string>
#include <vector>

#include "domed/collector.h"
#include "domed/host.h"
#include "domed/options.h"
#include "machine.h"

namespace domed::host {

// Says on which machine a run takes place: "env_fingerprint" of the provenance
// record (docs/provenance.md).  Reads a few small files of the system's and the
// daemon's environment, of which it tells hashes only; nothing of the job's
// directory.  Equal on one machine until the system or the environment changes.
// Thread-safe.
class HostCollector : public Collector {
 public:
  HostCollector(const Options& options, Host& host);
  // For tests: another machine than this one.
  HostCollector(const Options& options, Machine machine);

  std::string collect(const CollectRequest& request) override;

 private:
  Machine machine_;
  std::vector<std::string> variables_;
  const bool hash_hostname_, hash_machine_id_;
};

}  // namespace domed::host
