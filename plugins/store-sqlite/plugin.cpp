#include "domed/plugin.h"

#include <string>

#include "store_sqlite.h"

namespace {

domed::StoreSqlite::Settings settings_of(const domed::Options& options) {
  return {.path = options.text("path"),
          .full = options.text("synchronous") == "full",
          .busy_timeout = options.duration("busy_timeout"),
          .readers = static_cast<int>(options.integer("readers")),
          .cache = options.size("cache")};
}

class Plugin final : public domed::StoreSqlite {
 public:
  Plugin(const domed::Options& options, domed::Host& host) : StoreSqlite(settings_of(options)) {
    const std::string what = created() ? "made " : "opened ";
    host.log(domed::Level::info, what + path());
  }
};

}  // namespace

DOMED_PLUGIN(Store, Plugin)
