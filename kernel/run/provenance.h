#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "domed/collector.h"
#include "log/job.h"

namespace domed {

// One provenance plugin in use, in the deployment's order.
struct Source {
  std::string name, version;
  std::vector<std::string> fields;  // what its manifest announces
  std::chrono::milliseconds budget{2000};
  std::shared_ptr<Collector> collector;
};

// Makes the provenance record of a run: what the collectors find out, merged
// with what the kernel knows itself, in one canonical encoding.  Every field is
// always there; what is not known is "unknown" with a FIELD_reason.
//
// Thread-safe.  A collector that throws costs its own fields; one that hangs is
// left alone after its budget.
class Provenance {
 public:
  using Log = std::function<void(const std::string&)>;
  Provenance(std::vector<Source> sources, Log log);

  // The payload of the "provenance" event, for a run in "cwd" (empty: not named).
  std::string collect(const JobFixed& job, const std::string& cwd) const;
  // The payload of "provenance_end": whether commit or tree moved since; empty
  // where no collector looks at a repository.
  std::string collect_end(const JobFixed& job, const std::string& cwd) const;

 private:
  OrderedJson ask(const JobFixed& job, const std::string& cwd) const;
  std::vector<Source> sources_;
  Log log_;
};

}  // namespace domed
