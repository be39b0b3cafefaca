#include "run/provenance_drift.h"

#include <vector>

#include "run/provenance_record.h"

namespace domed {
namespace {

std::string reason_in(const Json& record, const std::string& field) {
  const auto found = record.find(field + "_reason");
  return found != record.end() && found->is_string() ? found->get<std::string>() : "";
}

bool known_in(const Json& record, const std::string& field) {
  return record.is_object() && record.contains(field) && !is_unknown(record.at(field));
}

// Why "field" cannot be compared; each reason once.
void doubt(std::string& doubts, const Json& before, const Json& now, const std::string& field) {
  std::string why = "at the start: " + reason_in(before, field);
  if (!known_in(now, field)) why = reason_in(now, field);
  if (doubts.find(why) != std::string::npos) return;
  doubts += (doubts.empty() ? "" : "; ") + why;
}

}  // namespace

Json drift_record(const Json& before, const Json& now) {
  Json out{{"schema", kProvenanceEndSchema}, {"moved", Json::array()}};
  std::string doubts;
  for (const std::string field : drift_fields()) {
    merge(out, Json{{field, now.at(field)}, {field + "_reason", reason_in(now, field)}});
    if (!known_in(before, field) || !known_in(now, field))
      doubt(doubts, before, now, field);
    else if (before.at(field) != now.at(field))
      out["moved"].push_back(field);
  }
  if (!out["moved"].empty())
    out["drift"] = "true";
  else if (doubts.empty())
    out["drift"] = "false";
  else
    put_unknown(out, "drift", doubts);
  return out;
}

}  // namespace domed
