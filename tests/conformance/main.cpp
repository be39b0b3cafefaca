#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

#include "groups.h"
#include "subject.h"
#include "target.h"
#include "watchdog.h"

// domed-conformance: proves that a plugin does what its interface says.
// docs/plugins.md tells an author how to use it.
namespace {

using conformance::subject;
using conformance::target;

constexpr const char* kUsage =
    "usage: domed-conformance --plugin FILE.yaml [options]\n"
    "\n"
    "  --plugin FILE.yaml  the manifest of the plugin; its library lies beside it\n"
    "  --set KEY=VALUE     an option of the plugin; may be repeated.  {fresh} in VALUE becomes\n"
    "                      another name for each test, as tests must not share a database.\n"
    "                      Options of the type path get scratch places by themselves\n"
    "  --disturb CMD       a shell command that disturbs the engine behind the plugin, such as "
    "one\n"
    "                      that restarts a server.  It is run now and then during the tests of\n"
    "                      concurrency, of crashes, of the model and in StoreDisturbed; the store "
    "may\n"
    "                      then throw io or answer unknown, and every check goes on\n"
    "  --cleanup CMD       a shell command that removes what one store left outside of its "
    "scratch\n"
    "                      directory; run after each with its options as DOMED_OPTION_NAME\n"
    "  --strict            what cannot be checked on this machine is a failure, not a skip\n"
    "  --seed N            repeats the random tests of an earlier run; 0 to 2^64 - 1\n"
    "  --steps N           length of the random tests, 1000 by default\n"
    "  --junit FILE        writes the results as JUnit XML too\n"
    "  --verbose           shows the plugin's log\n"
    "  --help              this text\n"
    "  --gtest_...         as for every GoogleTest program, such as --gtest_list_tests,\n"
    "                      --gtest_filter=StoreTrim.*, --gtest_break_on_failure\n"
    "\n"
    "exit status: 0 all passed, 1 a test failed or none was run, 2 wrong command line\n";

int complain(const std::string& what) {
  std::fprintf(stderr, "domed-conformance: %s\n\n%s", what.c_str(), kUsage);
  return 2;
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool set_option(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos) return false;
  target.set[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  return true;
}

// What is wrong with "option" having "value"; empty: nothing.
std::string take(const std::string& option, const std::string& value) {
  if (option == "--plugin") target.manifest = value;
  if (option == "--junit") GTEST_FLAG_SET(output, "xml:" + value);
  if (option == "--disturb") target.disturb = value;
  if (option == "--cleanup") target.cleanup = value;
  if (option == "--set" && !set_option(value)) return "--set needs KEY=VALUE, is '" + value + "'";
  if (option == "--seed" && !read_number(value, target.seed))
    return "--seed needs a number from 0 to 2^64 - 1, is '" + value + "'";
  if (option == "--steps" && !read_number(value, target.steps))
    return "--steps needs a number, is '" + value + "'";
  return "";
}

bool is_switch(const std::string& option) {
  if (option == "--strict") target.strict = true;
  if (option == "--verbose") target.verbose = true;
  return option == "--strict" || option == "--verbose";
}

constexpr std::string_view kOptions[] = {"--plugin", "--set",     "--seed",   "--steps",
                                         "--junit",  "--disturb", "--cleanup"};

// 0, or the exit status of a wrong command line.
int parse(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (is_switch(option) || option.starts_with("--gtest_")) continue;
    if (std::find(std::begin(kOptions), std::end(kOptions), option) == std::end(kOptions))
      return complain("unknown option '" + option + "'");
    if (++i == argc) return complain(option + " needs a value");
    if (const std::string wrong = take(option, argv[i]); !wrong.empty()) return complain(wrong);
  }
  return target.manifest.empty() ? complain("--plugin is missing") : 0;
}

bool asks_for_help(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]) == "--help" || std::string_view(argv[i]) == "-h") return true;
  return false;
}

void introduce() {
  const auto& manifest = subject().manifest;
  const std::string name =
      manifest ? manifest->name + ' ' + manifest->version + " (" + manifest->kind + ')'
               : target.manifest.string();
  std::printf("conformance: %s, abi %d.%d, seed %llu\n", name.c_str(), DOMED_ABI_MAJOR,
              DOMED_ABI_MINOR, static_cast<unsigned long long>(target.seed));
  for (const auto& option : manifest ? manifest->options : std::vector<domed::OptionSpec>())
    if (const auto set = target.set.find(option.name);
        option.type == domed::OptionType::path && set != target.set.end() &&
        set->second.find("{fresh}") == std::string::npos)
      std::printf(
          "note: --set %s=%s: all tests share this path; put {fresh} into it unless they "
          "may\n",
          option.name.c_str(), set->second.c_str());
}

// The groups that are not run stand in the report too.
class Report final : public ::testing::Environment {
 public:
  explicit Report(std::vector<conformance::NotRun> groups) : groups_(std::move(groups)) {}
  void SetUp() override {
    ::testing::Test::RecordProperty("seed", std::to_string(target.seed));
    for (const auto& [group, reason] : groups_)
      ::testing::Test::RecordProperty(std::string("not_run.") + group->name, reason);
  }

 private:
  std::vector<conformance::NotRun> groups_;
};

void leave_out(const std::vector<conformance::NotRun>& groups) {
  std::string filter = GTEST_FLAG_GET(filter);
  for (const auto& [group, reason] : groups) {
    std::printf("not run: %s: %s\n", group->name, reason.c_str());
    filter += filter.find('-') == std::string::npos ? "-" : ":";
    filter += group->tests;
  }
  GTEST_FLAG_SET(filter, filter);
}

}  // namespace

int main(int argc, char** argv) {
  if (asks_for_help(argc, argv)) return std::fputs(kUsage, stdout), 0;
  target.seed = std::random_device{}();
  if (const int status = parse(argc, argv); status != 0) return status;
  ::testing::InitGoogleTest(&argc, argv);  // after --junit, which is one of its flags
  conformance::Watchdog::watch("loading the plugin");
  conformance::examine_subject();
  const auto not_run = conformance::groups_not_run(subject());
  conformance::Watchdog::rest();
  introduce();
  leave_out(not_run);
  std::fflush(stdout);
  ::testing::AddGlobalTestEnvironment(new Report(not_run));
  ::testing::UnitTest::GetInstance()->listeners().Append(new conformance::Watchdog);
  const int status = RUN_ALL_TESTS();
  if (status == 0 && ::testing::UnitTest::GetInstance()->test_to_run_count() == 0 &&
      !GTEST_FLAG_GET(list_tests))
    return std::fputs("domed-conformance: no test was run\n", stderr), 1;
  return status;
}
