#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "domed/collector.h"
#include "domed/store.h"

namespace conformance {

// What the command line asked for: all that the suite knows about its subject.
struct Target {
  std::filesystem::path manifest;
  std::map<std::string, std::string> set;  // --set key=value
  std::string disturb;                     // a command that disturbs the plugin's engine
  std::string cleanup;                     // a command that removes what one store left
  bool strict = false;                     // what cannot be checked here is a failure
  bool verbose = false;                    // the plugin's log goes to standard error
  std::uint64_t seed = 0;                  // of the random tests
  std::size_t steps = 1000;                // of the random tests
};
inline Target target;

// A directory of its own for one test, removed with everything in it, and with what the
// stores that were made for it keep elsewhere (--cleanup).
class Scratch {
 public:
  Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// New objects of the plugin under test.  Options come from --set and from the
// manifest's defaults; a "path" option that --set leaves alone is a place below
// "directory", whatever its default.  "{fresh}" in a value becomes the
// directory's name: for stores that live elsewhere, as every test needs a
// database or prefix of its own.
std::unique_ptr<domed::Store> make_store(const std::filesystem::path& directory);
// The plugin's own object, in which a dynamic_cast finds its facets.
domed::Store& plugin_object(domed::Store& store);
std::unique_ptr<domed::Collector> make_collector(const std::filesystem::path& directory);

}  // namespace conformance

// Ends a test whose precondition this machine lacks: visible, and a failure
// where --strict promised that everything is checked.  What does not concern
// the plugin is left out beforehand (groups.h) and is no skip.
#define CANNOT_CHECK(reason)                                              \
  do {                                                                    \
    if (::conformance::target.strict) FAIL() << "--strict: " << (reason); \
    GTEST_SKIP() << (reason);                                             \
  } while (false)
