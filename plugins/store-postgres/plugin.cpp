#include "domed/plugin.h"

#include "settings.h"
#include "store_postgres.h"

namespace {

class Plugin final : public domed::StorePostgres {
 public:
  Plugin(const domed::Options& options, domed::Host& host)
      : StorePostgres(domed::postgres::settings_of(options, host)) {}
};

}  // namespace

DOMED_PLUGIN(Store, Plugin)
