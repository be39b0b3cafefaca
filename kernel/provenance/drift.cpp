#include "provenance/drift.h"

#include <vector>

#include "provenance/record.h"

namespace domed {
namespace {

std::string reason_in(const Json& record, const std::string& field) {
  const auto found = record.find(field + "_reason");
  return found != record.end() && found->is_string() ? found->get<std::string>() : "";
}

bool known_in(const Json& record, const std::string& field) {
  return record.is_object() && record.contains(field) && !is_unknown(record.at(field));
}

// Each reason once.
void add_doubt(std::string& doubts, const std::string& why) {
  if (doubts.find(why) == std::string::npos) doubts += (doubts.empty() ? "" : "; ") + why;
}

// Why "field" cannot be compared.
void doubt(std::string& doubts, const Json& before, const Json& now, const std::string& field) {
  std::string why = "at the start: " + reason_in(before, field);
  if (!known_in(now, field)) why = reason_in(now, field);
  add_doubt(doubts, why);
}

// What stands in "now" as a count or a flag alone, so that being equal proves nothing.
void doubt_unseen(std::string& doubts, const Json& now) {
  if (known_in(now, "untracked_files") && now.at("untracked_files") != 0)
    add_doubt(doubts, "there are untracked files, which are counted and not compared");
  if (!known_in(now, "submodules")) return;
  for (const auto& submodule : now.at("submodules"))
    if (submodule.value("dirty", Json()) != "false")
      add_doubt(doubts, "the submodule " + submodule.value("path", "") +
                            " has or may have changes of its own, which are not compared");
}

}  // namespace

Json drift_record(const Json& before, const Json& now) {
  Json out{{"schema", kProvenanceEndSchema}, {"moved", Json::array()}};
  std::string doubts;
  // What moved is certain, whatever else could not be compared; that nothing did is certain only
  // where everything could.  So a list that is not empty outweighs any doubt, and a doubt an empty
  // list.
  for (const std::string field : drift_fields()) {
    merge(out, Json{{field, now.at(field)}, {field + "_reason", reason_in(now, field)}});
    if (!known_in(before, field) || !known_in(now, field))
      doubt(doubts, before, now, field);
    else if (before.at(field) != now.at(field))
      out["moved"].push_back(field);
  }
  doubt_unseen(doubts, now);
  if (!out["moved"].empty())
    out["drift"] = "true";
  else if (doubts.empty())
    out["drift"] = "false";
  else
    put_unknown(out, "drift", doubts);
  return out;
}

}  // namespace domed
