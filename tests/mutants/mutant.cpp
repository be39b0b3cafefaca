#include <filesystem>

#include "domed/plugin.h"
#include "good.h"
#include "store-memory/store_memory.h"
#include "store-sqlite/sqlite.h"
#include "store-sqlite/store_sqlite.h"

namespace mutants {

Inner open_sqlite(const std::string& path) {
  domed::StoreSqlite::Settings settings;
  settings.path = path;
  return std::make_unique<domed::StoreSqlite>(settings);
}

namespace {

// Hurts a database that was closed, before it is opened again.
Inner reopened_after(const std::string& sql, const std::string& path) {
  if (std::filesystem::exists(path)) domed::sqlite::Connection(path).run(sql);
  return open_sqlite(path);
}

// What is lost while the store is closed.
const std::map<std::string, const char*> kLosses = {
    {"last-event-lost", "UPDATE jobs SET head_seq = head_seq - 1 WHERE head_seq > first_seq"},
    {"tombstones-lost", "DELETE FROM jobs WHERE tombstone = 1"},
    {"records-lost", "DELETE FROM fixed"},
};

Mutants all() {
  Mutants mutants = {{"nothing", around<Good>}};
  for (Mutants more :
       {mutants_in_commits(), mutants_in_reads(), mutants_in_lists(), mutants_in_life()})
    mutants.merge(more);
  return mutants;
}

Inner made(const domed::Options& options) {
  const std::string name = options.text("break");
  const std::string path = options.text("path");
  const auto places = mutants_at_places();
  if (const auto own = places.find(name); own != places.end())
    return own->second(path, options.text("disturbed"));
  if (const auto loss = kLosses.find(name); loss != kLosses.end())
    return reopened_after(loss->second, path);
  Inner base =
      options.text("base") == "sqlite" ? open_sqlite(path) : std::make_unique<domed::StoreMemory>();
  return all().at(name)(std::move(base));
}

struct Plugin final : Good {
  Plugin(const domed::Options& options, domed::Host&) : Good(made(options)) {}
};

}  // namespace
}  // namespace mutants

DOMED_PLUGIN(Store, mutants::Plugin)
