#include "domed/plugin.h"

#include "shared_memory.h"

namespace {

class Plugin final : public domed::SharedMemory {
 public:
  Plugin(const domed::Options& options, domed::Host&)
      : SharedMemory(domed::MemoryPlace::named(options.text("shared"))) {}
};

}  // namespace

DOMED_PLUGIN(Store, Plugin)
