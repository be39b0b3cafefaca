#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace domed::bench {

struct Options {
  int repeats = 5;
  double scale = 1;  // of the sizes; below 1 only to see that everything works
  bool json = false;
  std::string bin, plugins;  // the programs and plugins to measure
  std::string dir = "/tmp";  // where databases go: the disk that is measured
  std::string store = "store-sqlite", synchronous = "full";
  std::string peer;                          // whom "peer" measures
  bool stock = false;                        // nng's own sockets as clients
  std::map<std::string, std::string> set{};  // options of the store, as texts

  std::uint64_t scaled(std::uint64_t size, std::uint64_t least = 1) const {
    return std::max(least, static_cast<std::uint64_t>(static_cast<double>(size) * scale));
  }
};

// All options of the store that are given, for one that is at home in "directory": "{fresh}"
// becomes its name, so that a store which lives elsewhere has a place of its own, too.
inline std::map<std::string, std::string> store_options(const Options& options,
                                                        const std::string& directory) {
  constexpr std::string_view kFresh = "{fresh}";
  std::map<std::string, std::string> all = options.set;
  for (auto& [key, value] : all)
    for (std::size_t at = value.find(kFresh); at != std::string::npos; at = value.find(kFresh, at))
      value.replace(at, kFresh.size(), directory.substr(directory.rfind('/') + 1));
  if (options.store == "store-sqlite") all.emplace("synchronous", options.synchronous);
  return all;
}

}  // namespace domed::bench
