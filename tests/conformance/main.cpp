#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

#include "plugin_under_test.h"
#include "target.h"

// domed-conformance: proves that a plugin does what its interface says.
//
//   domed-conformance --plugin FILE.yaml [--set KEY=VALUE]... [--strict]
//                     [--seed N] [--gtest_...]
//
// Exit status: 0 all passed, 1 a test failed, 2 the plugin cannot be loaded or
// the command line is wrong.
namespace {

constexpr const char* kUsage =
    "usage: domed-conformance --plugin FILE.yaml [options]\n"
    "  --plugin FILE.yaml  the manifest of the plugin; its library lies beside it\n"
    "  --set KEY=VALUE     an option of the plugin; may be repeated.  {fresh} in VALUE becomes\n"
    "                      another name for each test, as the tests must not share a database\n"
    "  --strict            what cannot be checked on this machine is a failure\n"
    "  --seed N            repeats the random tests of an earlier run\n"
    "  --gtest_...         as for every GoogleTest program\n";

int complain(const std::string& what) {
  std::fprintf(stderr, "domed-conformance: %s\n%s", what.c_str(), kUsage);
  return 2;
}

bool set_option(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) return false;
  conformance::target.set[text.substr(0, equals)] = text.substr(equals + 1);
  return true;
}

bool set_seed(const char* text) {
  char* end = nullptr;
  conformance::target.seed = static_cast<std::uint32_t>(std::strtoul(text, &end, 10));
  return end != text && *end == '\0';
}

// 0, or the exit status of a wrong command line.
int parse(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--strict") {
      conformance::target.strict = true;
      continue;
    }
    if (option != "--plugin" && option != "--set" && option != "--seed")
      return complain("unknown option '" + option + "'");
    if (++i == argc) return complain(option + " needs a value");
    if (option == "--plugin") conformance::target.manifest = argv[i];
    if (option == "--set" && !set_option(argv[i])) return complain("--set needs KEY=VALUE");
    if (option == "--seed" && !set_seed(argv[i])) return complain("--seed needs a number");
  }
  return conformance::target.manifest.empty() ? complain("--plugin is missing") : 0;
}

// Groups for other kinds of plugin do not run, so that every skip has a reason
// that says something about this one.
void leave_out_other_kinds(const std::string& kind) {
  std::string filter = GTEST_FLAG_GET(filter);
  filter += filter.find('-') == std::string::npos ? '-' : ':';
  GTEST_FLAG_SET(filter, filter + (kind == "store" ? "Collector*" : "*Store*"));
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  conformance::target.seed = std::random_device{}();
  if (const int status = parse(argc, argv); status != 0) return status;
  try {
    const domed::Manifest& manifest = conformance::plugin().manifest();
    std::printf("conformance: %s %s (%s), abi %d.%d, seed %u\n", manifest.name.c_str(),
                manifest.version.c_str(), manifest.kind.c_str(), DOMED_ABI_MAJOR, DOMED_ABI_MINOR,
                conformance::target.seed);
    std::fflush(stdout);
    leave_out_other_kinds(manifest.kind);
  } catch (const domed::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  return RUN_ALL_TESTS();
}
