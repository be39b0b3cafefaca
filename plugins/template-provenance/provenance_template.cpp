#include <string>

#include "domed/plugin.h"
#include "domed/support/hash.h"
#include "domed/support/program.h"

// A whole collector, to read and to start from.  It tells one field of a run's provenance, from
// what a program prints; domed/collector.h says what the kernel promises and expects.
namespace {

class TemplateCollector final : public domed::Collector {
 public:
  // "options" live during the constructor only: what is needed later is copied.
  TemplateCollector(const domed::Options& options, domed::Host&)
      : program_(options.text("program")) {}

  // Several threads may be in here at once.
  std::string collect(const domed::CollectRequest& request) override {
    // Nothing of the job's own: neither its directory, which may hold anything, nor its
    // environment.
    const auto said =
        domed::program::run({.program = program_,
                             .arguments = {"-n"},
                             .directory = "/",
                             .environment = {"LC_ALL=C"},
                             .deadline = domed::program::Clock::now() + request.budget});
    // The fields in the manifest's "capabilities" become "unknown", with this as the reason.
    if (!said.ok())
      throw domed::Error(domed::Code::io, program_ + " does not say the machine's name");
    return R"({"env_fingerprint":{"hostname_hash":")" + domed::sha256_hex(said.out) + "\"}}";
  }

 private:
  const std::string program_;
};

}  // namespace

DOMED_PLUGIN(Collector, TemplateCollector)
