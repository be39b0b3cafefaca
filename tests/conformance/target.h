#pragma once

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
  bool strict = false;                     // what cannot be checked here is a failure
  std::uint32_t seed = 0;                  // of the random tests
};
inline Target target;

// A directory of its own for one test, removed with everything in it.
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

// New objects of the plugin under test.  Options come from the manifest's
// defaults and from --set; relative paths are taken below "directory", and
// "{fresh}" in a value becomes its name: for stores that live elsewhere, every
// test needs a database or prefix of its own.
std::unique_ptr<domed::Store> make_store(const std::filesystem::path& directory);
std::unique_ptr<domed::Collector> make_collector(const std::filesystem::path& directory);

}  // namespace conformance

// Ends a test whose precondition this machine lacks: visible, and a failure
// where --strict promised that everything is checked.
#define CANNOT_CHECK(reason)                                              \
  do {                                                                    \
    if (::conformance::target.strict) FAIL() << "--strict: " << (reason); \
    GTEST_SKIP() << (reason);                                             \
  } while (false)

// Ends a test of something that the plugin does not claim.
#define NOT_APPLICABLE(reason) GTEST_SKIP() << "not applicable: " << (reason)
