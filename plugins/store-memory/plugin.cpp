#include "domed/plugin.h"

#include "store_memory.h"

namespace {

class Plugin final : public domed::StoreMemory {
 public:
  Plugin(const domed::Options&, domed::Host&) {}
};

}  // namespace

DOMED_PLUGIN(Store, Plugin)
