#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

namespace domed::bench {

struct Options {
  int repeats = 5;
  double scale = 1;  // of the sizes; below 1 only to see that everything works
  bool json = false;
  std::string bin, plugins;  // the programs and plugins to measure
  std::string dir = "/tmp";  // where databases go: the disk that is measured
  std::string store = "store-sqlite", synchronous = "full";
  std::string peer;    // whom "peer" measures
  bool stock = false;  // nng's own sockets as clients
  std::map<std::string, std::string> set{};  // options of the store, as texts

  std::uint64_t scaled(std::uint64_t size, std::uint64_t least = 1) const {
    return std::max(least, static_cast<std::uint64_t>(static_cast<double>(size) * scale));
  }
};

// All options of the store that are given.
inline std::map<std::string, std::string> store_options(const Options& options) {
  std::map<std::string, std::string> all = options.set;
  if (options.store == "store-sqlite") all.emplace("synchronous", options.synchronous);
  return all;
}

}  // namespace domed::bench
