#include "groups.h"

namespace conformance {
namespace {

constexpr Group kGroups[] = {
    {"Manifest.Content", "ManifestContent.*", Stage::read},
    {"Load", "Load.*", Stage::read},
    {"Load.Object", "LoadObject.*", Stage::loaded},
    {"Load.Objects", "LoadObjects.*", Stage::made},
    {"Facets", "Facets.*", Stage::read, "store"},
    {"Facets.Object", "FacetsObject.*", Stage::made, "store"},
    {"Store",
     "StoreAppend.*:StoreRecord.*:StoreBatch.*:*StoreInvalid.*:StoreRead.*:StoreTrim.*:"
     "StorePurge.*:StoreList.*:StoreLimit.*",
     Stage::made, "store"},
    {"Store.Concurrency", "StoreConcurrency.*:StoreGenerations.*:StoreReadsMeanwhile.*",
     Stage::made, "store"},
    {"Store.Model", "StoreModel.*", Stage::made, "store"},
    {"Store.Reopen", "StoreReopen.*", Stage::made, "store", true},
    {"Store.Crash", "StoreCrash.*", Stage::made, "store", true},
    {"Store.Medium", "StoreMedium.*", Stage::made, "store", true, true},
    {"Collector", "Collector.*:CollectorInRepository.*", Stage::made, "provenance"},
};

const char* missing(Stage stage) {
  switch (stage) {
    case Stage::named:
    case Stage::read:
      return "its manifest is not well-formed: see Manifest.IsWellFormed";
    case Stage::loaded:
      return "the plugin is refused: see Load.IsAccepted";
    case Stage::made:
      break;
  }
  return "no object can be made: see LoadObject.IsMade";
}

std::string why_not(const Group& group, const Subject& subject) {
  const std::string kind = group.kind;
  if (subject.manifest && !kind.empty() && !subject.is(kind))
    return "for plugins of the kind " + kind + ", this one is of the kind " +
           subject.manifest->kind;
  if (subject.stage < group.needs)
    return missing(static_cast<Stage>(static_cast<int>(subject.stage) + 1));
  if (group.durable && subject.durability == domed::Durability::none)
    return "the store's durability is none";
  if (group.files && !subject.has_place())
    return "the store has no option of the type path that the suite may choose";
  return "";
}

}  // namespace

std::vector<NotRun> groups_not_run(const Subject& subject) {
  std::vector<NotRun> out;
  for (const Group& group : kGroups)
    if (std::string reason = why_not(group, subject); !reason.empty())
      out.push_back({&group, std::move(reason)});
  return out;
}

}  // namespace conformance
