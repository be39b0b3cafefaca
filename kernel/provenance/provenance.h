#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "domed/collector.h"
#include "log/job.h"
#include "provenance/guarded_call.h"
#include "provenance/tool_facts.h"
#include "system/found_path.h"

namespace domed {

// One provenance plugin in use, in the deployment's order.
struct Source {
  std::string name, version;
  std::vector<std::string> fields;  // what its manifest announces
  std::chrono::milliseconds budget{2000};
  std::shared_ptr<Collector> collector;  // keeps alive all that it uses
  std::string library_sha256{};
};

// Where the files of a run are, as far as this daemon may look at them.
struct Site {
  Site(std::string directory) : cwd(std::move(directory)) {}  // NOLINT(google-explicit-constructor)
  Site(const char* directory) : cwd(directory) {}             // NOLINT(google-explicit-constructor)
  // All that would be found there is unknown, for the reason "why".
  static Site unseen(std::string why) {
    Site site("");
    site.why = std::move(why);
    return site;
  }

  // For a collector: "opened" where it is set, whatever the path has come to lead to.
  std::string path() const;

  std::string cwd;  // empty: nowhere
  // Where set: "cwd" is looked at only if it leads to below one of these when it is opened.
  std::optional<std::vector<std::string>> below{};
  std::shared_ptr<const FoundPath> opened{};  // set by Provenance
  std::string why = "the job named no cwd";
};

// Makes the provenance record of a run: what the collectors find out, merged
// (merge.h) with what the kernel knows itself, in one canonical
// encoding (record.h).  Every field is always there; what is not
// known is "unknown" with a FIELD_reason.
//
// Thread-safe.  A collector that throws, hangs or answers nonsense costs its own
// fields, and no more than its budget.
class Provenance {
 public:
  using Log = std::function<void(const std::string&)>;
  // Hears how long a collector took, and whether it gave an answer.  Thread-safe.
  using Timed =
      std::function<void(const std::string& name, std::chrono::nanoseconds took, bool ok)>;
  // "runner": the program that supervises commands; empty: not known.
  Provenance(
      std::vector<Source> sources, Log log, std::string runner = "",
      Timed timed = [](const std::string&, std::chrono::nanoseconds, bool) {});

  // No collector is waited for any more: a daemon that is to end must not stay for
  // their sake, nor write "unknown" for it.  What was asked meanwhile, or is later,
  // throws ApiError(E_BUSY).
  void stop() { stop_.request_stop(); }

  // The payload of the "provenance" event, for a run at "site" whose command gets "environment".
  std::string collect(const JobFixed& job, const Site& site,
                      const CommandEnvironment& environment = {}) const;
  // The payload of "provenance_end": whether the sources moved since; empty
  // where there is nothing to compare with, or no collector looks at sources.
  std::string collect_end(const JobFixed& job, const Site& site) const;

 private:
  struct Guarded {
    Source source;
    GuardedCall call;
  };
  Json ask(const JobFixed& job, const Site& site, bool at_end) const;
  Json answer_of(const Guarded& guarded, const JobFixed& job, const Site& site) const;
  void add_versions(Json& record, const JobFixed& job, const Launch& launch) const;
  void add_inputs(Json& record, const JobFixed& job, const Site& site) const;
  Site open(Site site) const;
  void add_hashes(Json& record, const JobFixed& job) const;

  void must_go_on() const;

  std::stop_source stop_;
  std::vector<Guarded> sources_;
  Log log_;
  const Timed timed_;
  // Shared with calls that are late.
  std::shared_ptr<ToolFacts> tools_;
  GuardedCall tool_call_, input_call_, open_call_;
};

}  // namespace domed
