// The part of Daemon for what stands between a store's plugin and all who use it.
#include "main/daemon.h"

namespace domed {

// From the plugin upwards: bytes that are what was written, values that are open, logs under the
// name of this life of the store.
void Daemon::open_layers(Store& place) {
  const auto damaged = [this](const Damage& damage) {
    troubles_.met(damage_in(damage.job_id), damage.what(), Troubles::Clock::now());
  };
  checked_ = std::make_unique<CheckedStore>(place, damaged, stale_);
  sealed_ = std::make_unique<SealedStore>(*checked_, deployment_.now()->store_keys, damaged);
  store_ = std::make_unique<PresentStore>(*sealed_);
}

}  // namespace domed
