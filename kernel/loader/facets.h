#pragma once

#include <span>
#include <string>
#include <vector>

#include "domed/store.h"

namespace domed {

// An ability that a store may have beside domed/store.h: a small interface of
// its own, found by dynamic_cast and announced in the manifest's "capabilities".
struct Facet {
  const char* name;
  bool (*found)(const Store& store);
};

template <class Interface>
constexpr Facet facet(const char* name) {
  return {name,
          [](const Store& store) { return dynamic_cast<const Interface*>(&store) != nullptr; }};
}

// Every facet of this kernel's interface.  A new one is a header in
// kernel/include/domed/ and one line in facets.cpp; the loader, the conformance
// suite and the messages follow from that line.
std::span<const Facet> facets();

// Why "capabilities" cannot be a store's, going by their names alone; empty: they can.
std::string unknown_facet(const std::vector<std::string>& capabilities,
                          std::span<const Facet> known);

// Why "capabilities" and "store", the plugin's own object, do not agree; empty: they do.
std::string facet_mismatch(const std::vector<std::string>& capabilities, const Store& store,
                           std::span<const Facet> known);

}  // namespace domed
