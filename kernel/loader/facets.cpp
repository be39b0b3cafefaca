#include "loader/facets.h"

#include <algorithm>
#include <array>

#include "domed/plugin.h"
#include "yaml/yaml_fields.h"

namespace domed {
namespace {

constexpr std::array<Facet, 3> kFacets{facet<Backup>("backup"), facet<Watch>("watch"),
                                       facet<Leases>("leases")};

}  // namespace

std::span<const Facet> facets() {
  return kFacets;
}

std::string unknown_facet(const std::vector<std::string>& capabilities,
                          std::span<const Facet> known) {
  std::vector<std::string> names;
  for (const Facet& facet : known) names.emplace_back(facet.name);
  for (const auto& capability : capabilities) {
    if (std::find(names.begin(), names.end(), capability) != names.end()) continue;
    std::string text = "its manifest announces the capability " + in_quotes(capability) +
                       ", which is no facet of a store in abi " + std::to_string(DOMED_ABI_MAJOR) +
                       '.' + std::to_string(DOMED_ABI_MINOR) + did_you_mean(capability, names) +
                       "; known:";
    for (const auto& name : names) text += ' ' + name;
    return text + (names.empty() ? " none" : "");
  }
  return "";
}

// Both ways. What is announced and not there would fail when somebody needs it; what is there and
// not announced no client is told of (ListCapabilities shows the manifest's list), and the two
// files may be of different builds. Rejected: to go by what dynamic_cast finds alone, for then a
// plugin would have to be opened to learn what it can do.
std::string facet_mismatch(const std::vector<std::string>& capabilities, const Store& store,
                           std::span<const Facet> known) {
  for (const Facet& facet : known) {
    const bool announced =
        std::find(capabilities.begin(), capabilities.end(), facet.name) != capabilities.end();
    const bool found = facet.found(store);
    if (announced && !found)
      return "its manifest announces the capability " + in_quotes(facet.name) +
             ", its store does not derive from that interface";
    if (found && !announced)
      return "its store has the facet " + in_quotes(facet.name) +
             ", its manifest does not announce it; add it to 'capabilities'";
  }
  return unknown_facet(capabilities, known);
}

}  // namespace domed
