#include "domed/plugin.h"

#include <string>

#include "store_sqlite.h"

namespace {

domed::StoreSqlite::Settings settings_of(const domed::Options& options, domed::Host& host) {
  return {.path = options.text("path"),
          .full = options.text("synchronous") == "full",
          .busy_timeout = options.duration("busy_timeout"),
          .readers = static_cast<int>(options.integer("readers")),
          .cache = options.size("cache"),
          .log = [&host](domed::Level level, const std::string& text) { host.log(level, text); }};
}

class Plugin final : public domed::StoreSqlite {
 public:
  Plugin(const domed::Options& options, domed::Host& host)
      : StoreSqlite(settings_of(options, host)) {
    const std::string what = created() ? "made " : "opened ";
    host.log(domed::Level::info, what + path());
  }
};

}  // namespace

DOMED_PLUGIN(Store, Plugin)
