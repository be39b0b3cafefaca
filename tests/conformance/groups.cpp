#include "groups.h"

#include "target.h"

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
     "StoreAppend.*:StoreRecord.*:StoreBatch.*:*StoreInvalid.*:StoreRead.*:StoreReadBackward.*:"
     "StoreTrim.*:"
     "StorePurge.*:StoreList*.*:StoreLimit.*:"
     "StoreRevision.*:StoreIncarnation.*",
     Stage::made, "store"},
    {"Store.Concurrency", "StoreConcurrency.*:StoreGenerations.*:StoreReadsMeanwhile.*",
     Stage::made, "store"},
    {"Store.Model", "StoreModel.*", Stage::made, "store"},
    {"Store.Opener", "StoreOpener.*", Stage::made, "store", true},
    {"Store.Reopen", "StoreReopen.*", Stage::made, "store", true},
    {"Store.Crash", "StoreCrash.*", Stage::made, "store", true},
    {"Store.Medium", "StoreMedium.*", Stage::made, "store", true, true},
    {"Store.Damage", "StoreDamage.*", Stage::made, "store", true, true},
    {"Store.Backup", "StoreBackup.*", Stage::made, "store", true, false, "backup"},
    {"Store.Disturbed", "StoreDisturbed.*", Stage::made, "store", false, false, "", true},
    {"Store.Writers", "StoreWriters.*", Stage::made, "store", false, false, "", false, true},
    {"Store.Watch", "StoreWatch.*:StoreWatchMeanwhile.*", Stage::made, "store", false, false, "",
     false, true},
    {"Store.Leases", "StoreLeases.*", Stage::made, "store", false, false, "", false, true},
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
  if (const std::string name = group.capability; !name.empty() && !subject.has(name))
    return "the plugin has no facet " + name;
  if (group.shared && !subject.may_share())
    return "a place has one opener: the plugin has not both facets watch and leases";
  if (group.disturbed && target.disturb.empty()) return "--disturb names no command";
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
