#include "domed/collector.h"
#include "domed/host.h"
#include "domed/options.h"
#include "domed/plugin.h"
#include "domed/support/hash.h"
#include "domed/support/program.h"

namespace {

class NodeCollector final : public domed::Collector {
 public:
  NodeCollector(const domed::Options&, domed::Host&) {}

  std::string collect(const domed::CollectRequest& request) override {
    const auto said =
        domed::program::run({.program = "/usr/bin/uname",
                             .arguments = {"-n"},
                             .directory = "/",
                             .environment = {"LC_ALL=C"},
                             .deadline = domed::program::Clock::now() + request.budget});
    if (!said.ok()) throw domed::Error(domed::Code::io, "uname does not say the node's name");
    return R"({"env_fingerprint":{"hostname_hash":")" + domed::sha256_hex(said.out) + "\"}}";
  }
};

}  // namespace

DOMED_PLUGIN(Collector, NodeCollector)
