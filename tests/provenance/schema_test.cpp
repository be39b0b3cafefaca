#include <fstream>
#include <random>
#include <set>

#include "json_schema.h"
#include "protocol/limits.h"
#include "real_sources.h"
#include "support/harness.h"

// docs/provenance.schema.json says what records are; these are real ones.
namespace domed::git {
namespace {

Json schema() {
  std::ifstream file(DOMED_SOURCE "/docs/provenance.schema.json");
  return Json::parse(file);
}

void expect_valid(const Json& record, const std::string& as = "provenance") {
  EXPECT_EQ("", test::JsonSchema(schema()).problem(record, as)) << record.dump(1);
}

std::set<std::string> names_in(const Json& record) {
  std::set<std::string> out;
  for (const auto& item : record.items())
    if (!item.key().ends_with("_reason")) out.insert(item.key());
  return out;
}

using Schema = RealSources;

JobFixed tool_job() {
  JobFixed job = test::local_job();
  job.request = {{"tool_id", "t"}};
  job.tool = {{"id", "t"},
              {"version", ""},
              {"command", {"/bin/true"}},
              {"version_command", {"/usr/bin/env", "--version"}},
              {"runtimes", {{"git", {"git", "--version"}}, {"none", {"/no/such"}}}},
              {"inputs", {"*"}},
              {"contract_sha256", std::string(64, 'c')}};
  return job;
}

TEST_F(Schema, NamesExactlyTheFieldsOfARecord) {
  const Json record = test::record_of(sources(), tool_job(), repository());
  auto required = schema()["$defs"]["provenance"]["required"].get<std::set<std::string>>();
  required.insert("submitter");  // which records from before there was one do not have
  EXPECT_EQ(required, names_in(record));
}

TEST_F(Schema, FitsRecordsOfRealRepositories) {
  const std::string clean = repository(), dirty = with_submodule();
  git(clean, {"tag", "v1"});
  write(dirty + "/sub/a", "changed\n");
  std::filesystem::create_directories(root + "/unborn");
  git(root + "/unborn", {"init", "-q"});
  git(root, {"clone", "-q", "--bare", clean, "bare"});
  for (const std::string& cwd :
       {clean, dirty, root + "/unborn", root + "/bare", root, root + "/none"}) {
    expect_valid(test::record_of(sources(), test::local_job(), cwd));
    expect_valid(test::record_of(sources(), tool_job(), cwd));
  }
}

TEST_F(Schema, FitsRecordsOfWhichLittleIsKnown) {
  JobFixed external = tool_job();
  external.request["executor"] = "external";
  expect_valid(test::record_of({}));
  expect_valid(test::record_of({}, external, ""));
  expect_valid(test::record_of(sources(), external, repository()));
  const auto fails = [](const auto&) -> std::string { throw 1; };
  expect_valid(test::record_of(
      {test::source(fails, {"repo", "env_fingerprint", "tool_versions", "flags"})}));
  expect_valid(test::record_of({test::source(
      fails, {"colour", "schema", "input_hash", "commit_sha.x", "repo.colour", "env_fingerprint.x",
              "tool_versions.domed", "tool_versions.make", "colour.dark"})}));
  const auto odd =
      R"({"repo":7,"flags":[1],"submodules":[],"diff_sha256":"x","env_fingerprint":{"cpus":"many","x":null},
                      "tool_versions":"none","changed_files":1.5,"ref":null})";
  expect_valid(test::record_of({test::source(test::always(odd))}));
}

TEST_F(Schema, FitsTheEndOfARun) {
  const std::string r = repository();
  const Provenance provenance(sources(), [](const std::string&) {});
  JobFixed job = tool_job();
  for (const std::string& cwd : {r, root}) {
    job.provenance = provenance.collect(job, cwd);
    expect_valid(Json::parse(provenance.collect_end(job, cwd)), "provenance_end");
  }
}

// Any JSON at all, with the names and types of records more often than not.
class Nonsense {
 public:
  explicit Nonsense(unsigned seed) : random_(seed) {}

  Json object(int depth) {
    Json out = Json::object();
    for (int n = below(12); n > 0; --n) out[name()] = value(depth);
    return out;
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  std::string name() {
    static const std::vector<std::string> kNames{"schema",
                                                 "repo",
                                                 "name",
                                                 "remote",
                                                 "commit_sha",
                                                 "dirty_flag",
                                                 "changed_files",
                                                 "diff_sha256",
                                                 "submodules",
                                                 "path",
                                                 "commit",
                                                 "dirty",
                                                 "flags",
                                                 "tool_versions",
                                                 "git",
                                                 "domed",
                                                 "plugins",
                                                 "env_fingerprint",
                                                 "os",
                                                 "cpus",
                                                 "environment",
                                                 "input_hash",
                                                 "author_hash",
                                                 "x"};
    return kNames[static_cast<std::size_t>(below(static_cast<int>(kNames.size())))] +
           (below(4) ? "" : "_reason");
  }
  Json value(int depth) {
    switch (below(depth > 0 ? 11 : 9)) {
      case 0:
        return nullptr;
      case 1:
        return "";
      case 2:
        return "unknown";
      case 3:
        return below(2) ? "true" : "false";
      case 4:
        return below(7) - 2;
      case 5:
        return 0.5;
      case 6:
        return std::string(static_cast<std::size_t>(below(20'000)), 'x');
      case 7:
        return std::string(64, 'a');
      case 8:
        return below(2) == 0;
      case 9:
        return object(depth - 1);
    }
    Json list = Json::array();
    for (int n = below(4); n > 0; --n) list.push_back(value(depth - 1));
    return list;
  }

  std::mt19937 random_;
};

TEST_F(Schema, HoldsWhateverCollectorsAnswer) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Nonsense nonsense(seed);
  const test::JsonSchema checker(schema());
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    const std::string first = nonsense.object(3).dump(), second = nonsense.object(3).dump();
    const Provenance provenance(
        {test::source(test::always(first)), test::source(test::always(second), {}, "b")},
        [](const std::string&) {});
    JobFixed job = test::local_job();
    job.provenance = provenance.collect(job, "/");
    const std::string end = provenance.collect_end(job, "/");
    EXPECT_LE(std::max(job.provenance.size(), end.size()), limits::kEventBytes - 4096);
    EXPECT_EQ("", checker.problem(Json::parse(job.provenance), "provenance"))
        << first.substr(0, 3000) << "\n"
        << second.substr(0, 3000);
    EXPECT_EQ("", checker.problem(Json::parse(end), "provenance_end"));
  }
}

TEST_F(Schema, RefusesWhatIsNoRecord) {
  const Json good = test::record_of(sources(), tool_job(), repository());
  const auto refuses = [&](const std::string& pointer, const Json& value) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    EXPECT_NE("", test::JsonSchema(schema()).problem(bad, "provenance")) << pointer << " " << value;
  };
  refuses("/commit_sha", "");
  refuses("/commit_sha", "unknown");
  refuses("/dirty_flag", false);
  refuses("/changed_files", "0");
  refuses("/store", "store-memory");
  refuses("/repo/password", "x");
  refuses("/tool_versions/executor/id", "");
  refuses("/input_hash", "unknown");
  Json less = good;
  less.erase("flags");
  EXPECT_NE("", test::JsonSchema(schema()).problem(less, "provenance"));
}

}  // namespace
}  // namespace domed::git
