#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "base/version.h"
#include "fake_source.h"
#include "protocol/limits.h"
#include "support/harness.h"

// What the kernel makes of collectors, whatever they do.
namespace domed::test {
namespace {

TEST(Provenance, MergesWhatACollectorFoundWithWhatTheKernelKnows) {
  const Json got =
      record_of({source(always(R"({"commit_sha":"abc","tool_versions":{"git":"2.39"}})"))});
  EXPECT_EQ("domed.provenance/1", got["schema"]);
  EXPECT_EQ("abc", got["commit_sha"]);
  EXPECT_EQ("2.39", got["tool_versions"]["git"]);
  EXPECT_EQ((Json{{"version", "1.2.3"}, {"library_sha256", std::string(64, 'a')}}),
            got["tool_versions"]["plugins"]["fake"]);
  EXPECT_EQ(kVersion, got["tool_versions"]["domed"]);
  expect_unknown(got, "repo", "no provenance plugin");
}

TEST(Provenance, HasEveryFieldWithoutAnyCollector) {
  const Json got = record_of({});
  for (const char* field : {"repo", "commit_sha", "describe", "dirty_flag", "flags",
                            "env_fingerprint", "env_fingerprint_hash", "input_files"})
    expect_unknown(got, field, " ");
  expect_unknown(got["tool_versions"], "git", "no provenance plugin");
  expect_unknown(got["tool_versions"], "tool", "ad-hoc");
  expect_unknown(got["contract_hashes"], "tool", "ad-hoc");
  EXPECT_EQ(Json::object(), got["tool_versions"]["plugins"]);
}

TEST(Provenance, NamesTheProtocolByItsText) {
  std::ifstream file(DOMED_SOURCE "/docs/protocol.md", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(Json(sha256_hex(text)), record_of({})["contract_hashes"]["protocol"]);
}

// Directories "in", which a tool accepts, and "out", which it does not.
class FencedSite : public testing::Test {
 protected:
  FencedSite() {
    for (const char* name : {"in/job", "out"})
      std::filesystem::create_directories(scratch.path() / name);
    std::ofstream(scratch.path() / "in/job/seen") << "seen";
    std::ofstream(scratch.path() / "out/hidden") << "hidden";
    job.request["cwd"] = cwd;
    job.tool = {{"id", "t"}, {"version", ""}, {"command", {"/bin/true"}}, {"inputs", {"*"}}};
  }
  Site site() const {
    Site site(cwd);
    site.below = {(scratch.path() / "in").string()};
    return site;
  }
  // Somebody moves what was accepted away, and puts a link to "out" in its place.
  void turn_elsewhere() const {
    std::filesystem::rename(cwd, scratch.path() / "in/moved");
    std::filesystem::create_directory_symlink(scratch.path() / "out", cwd);
  }

  Scratch scratch;
  const std::string cwd = (scratch.path() / "in/job").string();
  JobFixed job = local_job();
};

TEST_F(FencedSite, LooksOnlyWhereTheToolAcceptsItAsItIsThen) {
  int calls = 0;
  const Provenance provenance(
      {source([&](const auto&) { return ++calls, R"({"commit_sha":"c"})"; })},
      [](const std::string&) {});
  const Json before = Json::parse(provenance.collect(job, site()));
  EXPECT_EQ("c", before["commit_sha"]);
  EXPECT_EQ("seen", before["input_files"]["files"][0]["path"]);
  turn_elsewhere();
  const std::string text = provenance.collect(job, site());
  EXPECT_EQ(std::string::npos, text.find("hidden"));
  const Json after = Json::parse(text);
  expect_unknown(after, "commit_sha", "leads to where its tool does not accept it");
  expect_unknown(after, "input_files", "leads to where its tool does not accept it");
  job.provenance = before.dump();
  expect_unknown(Json::parse(provenance.collect_end(job, site())), "commit_sha", "does not accept");
  EXPECT_EQ(1, calls);
}

TEST_F(FencedSite, CollectorsSeeWhatWasOpenedWhateverThePathComesToMean) {
  const auto look = [&](const CollectRequest& request) {
    turn_elsewhere();
    return Json{{"ref", std::filesystem::canonical(request.cwd).filename()}}.dump();
  };
  const Provenance provenance({source(look, {"ref"})}, [](const std::string&) {});
  const Json got = Json::parse(provenance.collect(job, site()));
  EXPECT_EQ("moved", got["ref"]);
  EXPECT_EQ("seen", got["input_files"]["files"][0]["path"]);
}

TEST_F(FencedSite, ExecutableIsShownByThePathThatTheRequestChose) {
  job.request["command"] = job.tool["command"] = {"./seen"};
  const Provenance provenance({}, [](const std::string&) {});
  const Json got = Json::parse(provenance.collect(job, site()));
  EXPECT_EQ(Json(cwd + "/./seen"), got["tool_versions"]["executable"]["path"]);
}

TEST(Provenance, AToolWithoutAVersionIsNotCalledNothing) {
  JobFixed job = local_job();
  job.tool = {{"id", "t"}, {"version", ""}, {"command", {"/bin/true"}}, {"contract_sha256", "c"}};
  const Json got = record_of({}, job);
  EXPECT_EQ("t", got["tool_versions"]["tool"]["id"]);
  expect_unknown(got["tool_versions"]["tool"], "version", "declares none");
  EXPECT_EQ("c", got["contract_hashes"]["tool"]);
}

TEST(Provenance, OfAnExternalJobTellsNothingOfTheDaemonsMachine) {
  JobFixed job = local_job();
  job.request = {{"executor", "external"}};
  const auto host =
      source(always(R"({"env_fingerprint":{"os":"mine"}})"), {"env_fingerprint"}, "host");
  for (const char* cwd : {"", "/"}) {
    const Json got = record_of({host}, job, cwd);
    expect_unknown(got, "env_fingerprint", "elsewhere");
    expect_unknown(got, "env_fingerprint_hash", "elsewhere");
    EXPECT_EQ("external", got["tool_versions"]["executor"]["id"]);
    expect_unknown(got["tool_versions"]["executor"], "version", "elsewhere");
    expect_unknown(got["tool_versions"], "executable", "elsewhere");
  }
}

TEST(Provenance, WithoutAWorkingDirectoryNothingIsGuessed) {
  JobFixed job = local_job();
  job.request = {{"executor", "external"}};
  expect_unknown(record_of({source(always(R"({"commit_sha":"abc"})"))}, job, ""), "commit_sha",
                 "the job named no cwd");
}

TEST(Provenance, OfARunElsewhereNothingIsLookedAt) {
  JobFixed job = local_job();
  job.request = {{"executor", "external"}, {"cwd", "/"}};
  const auto git =
      source([](const auto&) -> std::string { return ADD_FAILURE() << "asked", "{}"; });
  const Provenance provenance({git}, [](const auto&) {});
  const Site site = Site::unseen("the run is on another machine");
  job.provenance = provenance.collect(job, site);
  expect_unknown(Json::parse(job.provenance), "commit_sha", "the run is on another machine");
  expect_unknown(Json::parse(provenance.collect_end(job, site)), "drift",
                 "the run is on another machine");
}

TEST(Provenance, HashesTheFingerprintAsItStandsInTheRecord) {
  const auto host = [](const std::string& os) {
    return record_of(
        {source(always(R"({"env_fingerprint":{"os":")" + os + R"("}})"), {"env_fingerprint"})});
  };
  const Json one = host("a"), again = host("a"), other = host("b");
  EXPECT_EQ(Json(sha256_hex(canonical_json(one["env_fingerprint"]))), one["env_fingerprint_hash"]);
  EXPECT_EQ(one["env_fingerprint_hash"], again["env_fingerprint_hash"]);
  EXPECT_NE(one["env_fingerprint_hash"], other["env_fingerprint_hash"]);
  expect_unknown(one["env_fingerprint"], "libc", "no provenance plugin");
}

// Misbehaving collectors.

TEST(Provenance, ACollectorThatThrowsCostsItsOwnFields) {
  const Json got =
      record_of({source([](const auto&) -> std::string { throw Error(Code::io, "it broke"); })});
  expect_unknown(got, "commit_sha", "it broke");
  expect_unknown(got, "dirty_flag", "it broke");
}

TEST(Provenance, ACollectorMayThrowAnything) {
  expect_unknown(record_of({source([](const auto&) -> std::string { throw 42; })}), "commit_sha",
                 "no exception");
  expect_unknown(
      record_of({source([](const auto&) -> std::string { throw std::runtime_error("\xff\n"); })}),
      "commit_sha", "fake: ? ");
}

TEST(Provenance, ACollectorThatReturnsRubbishCostsItsOwnFields) {
  for (const std::string& rubbish :
       {std::string(), std::string("[]"), std::string("{"), std::string("{\"a\":1,\"a\":2}"),
        std::string("\xff"), std::string(2 << 20, ' ')})
    expect_unknown(record_of({source(always(rubbish))}), "commit_sha", "");
}

TEST(Provenance, AFailingCollectorLeavesAPartOfItsFieldsUnknownToo) {
  const auto fails = [](const auto&) -> std::string { throw Error(Code::io, "it broke"); };
  const Json got = record_of({source(fails, {"tool_versions.git"})});
  expect_unknown(got["tool_versions"], "git", "it broke");
  EXPECT_EQ(kVersion, got["tool_versions"]["domed"]);
}

// Blocks whoever comes through until it is opened.
struct Gate {
  void pass() {
    std::unique_lock lock(mutex);
    ++inside;
    changed.notify_all();
    changed.wait(lock, [this] { return open; });
    --inside;
    changed.notify_all();
  }
  void open_and_wait() {
    std::unique_lock lock(mutex);
    open = true;
    changed.notify_all();
    changed.wait(lock, [this] { return inside == 0; });
  }
  std::mutex mutex;
  std::condition_variable changed;
  int inside = 0;
  bool open = false;
};

TEST(Provenance, ACollectorThatHangsIsLeftAloneAndNotCalledAgain) {
  const auto gate = std::make_shared<Gate>();
  auto calls = std::make_shared<std::atomic<int>>(0);
  const auto hangs = [gate, calls](const auto&) {
    ++*calls;
    gate->pass();
    return std::string(R"({"commit_sha":"late"})");
  };
  const Provenance provenance({source(hangs, {"commit_sha"}, "slow", std::chrono::milliseconds(30)),
                               source(always(R"({"ref":"r"})"), {"ref"}, "next")},
                              [](const std::string&) {});
  const auto ask = [&] { return Json::parse(provenance.collect(local_job(), "/")); };
  const Json first = ask();
  expect_unknown(first, "commit_sha", "did not answer within 30 ms");
  EXPECT_EQ("r", first["ref"]);
  for (int i = 0; i < 10; ++i)
    expect_unknown(ask(), "commit_sha", "still busy with an earlier run");
  EXPECT_EQ(1, *calls);
  gate->open_and_wait();
}

TEST(Provenance, ACollectorThatCameBackIsAskedAgain) {
  const auto gate = std::make_shared<Gate>();
  const Provenance provenance({source(
                                  [gate](const auto&) {
                                    gate->pass();
                                    return std::string(R"({"commit_sha":"abc"})");
                                  },
                                  {"commit_sha"}, "slow", std::chrono::seconds(1))},
                              [](const std::string&) {});
  expect_unknown(Json::parse(provenance.collect(local_job(), "/")), "commit_sha", "did not answer");
  gate->open_and_wait();
  Json got;  // its thread may be on its last lines still
  do got = Json::parse(provenance.collect(local_job(), "/"));
  while (got.value("commit_sha_reason", "").find("still busy") != std::string::npos);
  EXPECT_EQ("abc", got["commit_sha"]);
}

TEST(Provenance, AHangingCollectorMayOutliveTheKernel) {
  const auto gate = std::make_shared<Gate>();
  struct Watched : Collector {
    explicit Watched(std::shared_ptr<Gate> g) : gate(std::move(g)) {}
    std::string collect(const CollectRequest&) override {
      gate->pass();
      return text;
    }
    std::shared_ptr<Gate> gate;
    std::string text = "{}";
  };
  std::weak_ptr<Collector> watched;
  {
    Source hangs = source(nullptr, {"ref"}, "slow", std::chrono::milliseconds(20));
    hangs.collector = std::make_shared<Watched>(gate);
    watched = hangs.collector;
    record_of({hangs});
  }
  EXPECT_FALSE(watched.expired());
  gate->open_and_wait();
}

TEST(Provenance, ACollectorDoesNotHoldUpADaemonThatIsToEnd) {
  const auto gate = std::make_shared<Gate>();
  const auto begun = std::make_shared<std::promise<void>>();
  Provenance provenance({source(
                            [gate, begun](const auto&) {
                              begun->set_value();
                              gate->pass();
                              return std::string("{}");
                            },
                            {"ref"}, "slow", std::chrono::minutes(10))},
                        [](const std::string&) {});
  const auto ask = [&] { return error_name([&] { provenance.collect(local_job(), "/"); }); };
  auto asked = std::async(std::launch::async, ask);
  begun->get_future().wait();
  provenance.stop();
  EXPECT_EQ("E_BUSY", asked.get());
  EXPECT_EQ("E_BUSY", ask()) << "no record says unknown because of the daemon's end";
  gate->open_and_wait();
}

TEST(Provenance, CollectorsAreToldALittleLessThanTheyHave) {
  std::chrono::milliseconds told{0};
  record_of({source(
      [&](const CollectRequest& request) {
        told = request.budget;
        return std::string("{}");
      },
      {}, "fake", std::chrono::milliseconds(2000))});
  EXPECT_EQ(std::chrono::milliseconds(1500), told);
}

// Several collectors.

TEST(Merge, TheFirstToKnowWinsAndBringsItsReason) {
  const Json got = record_of(
      {source(
           always(
               R"({"commit_sha":"unknown","commit_sha_reason":"stale","ref":"one","flags":["x"],"flags_reason":"incomplete: a"})"),
           {}, "a"),
       source(always(R"({"commit_sha":"abc","ref":"two","flags":["y"]})"), {}, "b")});
  EXPECT_EQ("abc", got["commit_sha"]);
  EXPECT_FALSE(got.contains("commit_sha_reason"));
  EXPECT_EQ("one", got["ref"]);
  EXPECT_EQ(Json{"x"}, got["flags"]);
  EXPECT_EQ("incomplete: a", got["flags_reason"]);
}

TEST(Merge, KnownBeatsUnknownAtEveryLevel) {
  const Json got = record_of(
      {source(always(R"({"repo":{"name":"n","remote":"unknown","remote_reason":"none"}})"), {},
              "a"),
       source(always(R"({"repo":{"name":"unknown","name_reason":"no","remote":"r"}})"), {}, "b"),
       source(always(R"({"repo":"unknown","repo_reason":"not one"})"), {}, "c")});
  EXPECT_EQ("n", got["repo"]["name"]);
  EXPECT_EQ("r", got["repo"]["remote"]);
  EXPECT_FALSE(got["repo"].contains("remote_reason"));
  EXPECT_FALSE(got.contains("repo_reason"));
}

TEST(Merge, OrderDecidesAndNothingElse) {
  const auto a = source(always(R"({"ref":"a","env_fingerprint":{"os":"A","libc":"1"}})"), {}, "a");
  const auto b = source(always(R"({"env_fingerprint":{"cpu":"B","os":"B"},"ref":"b"})"), {}, "b");
  const Json ab = record_of({a, b}), ba = record_of({b, a});
  EXPECT_EQ("a", ab["ref"]);
  EXPECT_EQ("b", ba["ref"]);
  EXPECT_EQ("A", ab["env_fingerprint"]["os"]);
  EXPECT_EQ("B", ab["env_fingerprint"]["cpu"]);
}

TEST(Merge, ACollectorCannotSpeakForTheKernel) {
  std::string logged;
  const Provenance provenance(
      {source(always(R"({"schema":"x","input_hash":"x","contract_hashes":{"tool":"x"},"nonsense":1,
          "tool_versions":{"domed":"x","tool_reason":"x","plugins":{"fake":"x"},"git":"g"}})"))},
      [&](const std::string& line) { logged += line + "\n"; });
  const std::string text = provenance.collect(local_job(), "/");
  EXPECT_EQ(std::string::npos, text.find("\"x\"")) << text;
  EXPECT_EQ("g", Json::parse(text)["tool_versions"]["git"]);
  EXPECT_NE(std::string::npos, logged.find("'nonsense' is no field"));
  EXPECT_NE(std::string::npos, logged.find("'tool_versions.domed' is no field"));
}

TEST(Merge, EmptyAndWrongValuesAreUnknown) {
  const Json got =
      record_of({source(always(R"({"commit_sha":"","tree_sha":null,"ref":7,"dirty_flag":"clean",
      "changed_files":-1,"untracked_files":"3","submodules":"none","flags":["a",""],"describe":"unknown",
      "tool_versions":"2.39","repo":{"name":"","remote":null},"env_fingerprint":[]})"))});
  expect_unknown(got, "commit_sha", "left it empty");
  expect_unknown(got, "tree_sha", "left it empty");
  expect_unknown(got, "ref", "instead of a text");
  expect_unknown(got, "dirty_flag", "the text \"clean\" instead of \"true\" or \"false\"");
  expect_unknown(got, "changed_files", "instead of a count");
  expect_unknown(got, "untracked_files", "instead of a count");
  expect_unknown(got, "submodules", "instead of a list");
  expect_unknown(got, "flags", "instead of a list of texts");
  expect_unknown(got, "describe", "does not say why");
  expect_unknown(got, "env_fingerprint", "instead of an object");
  expect_unknown(got["repo"], "name", "left it empty");
  expect_unknown(got["tool_versions"], "git", "instead of an object");
  const Json odd = record_of({source(always(R"({"tool_versions":{"make":[4],"git":"2"}})"))});
  expect_unknown(odd["tool_versions"], "make", "instead of a text");
}

std::string text_of(std::size_t size) {
  return Json(std::string(size, 'x')).dump();
}

TEST(Merge, AnOversizedFieldIsUnknownAlone) {
  const Json got =
      record_of({source(always(R"({"ref":"r","repo":{"name":)" + text_of(70 << 10) + "}}"))});
  expect_unknown(got, "repo", "more than 16 KiB");
  EXPECT_EQ("r", got["ref"]);
}

TEST(Merge, TheLargestFieldsGoUntilTheRecordFitsIntoAnEvent) {
  std::string answer = "{";
  for (const char* field : {"commit_sha", "tree_sha", "ref", "describe", "commit_time"})
    answer += "\"" + std::string(field) + "\":" + text_of((15 << 10) + answer.size() % 7) + ",";
  answer += R"("submodules":[{"path":)" + text_of(16000) + R"(}],"flags":["bare"]})";
  const Json got = record_of({source(always(answer))});
  EXPECT_LE(got.dump().size(), limits::kEventBytes - 4096);
  expect_unknown(got, "submodules", "would not fit");
  EXPECT_EQ(Json{"bare"}, got["flags"]);
  EXPECT_EQ(64u, got["input_hash"].get<std::string>().size());
}

TEST(Merge, ATalkativePartCostsTheKernelNothing) {
  std::string many = "{";
  for (int i = 0; i < 300; ++i) many += "\"v" + std::to_string(i) + "\":" + text_of(40) + ",";
  many += R"("git":"2.39"})";
  std::string answer = R"({"tool_versions":)" + many;
  for (const char* field : {"commit_sha", "tree_sha", "ref", "describe"})
    answer += ",\"" + std::string(field) + "\":" + text_of(16000);
  const Json got = record_of({source(always(answer + "}"))});
  EXPECT_EQ(kVersion, got["tool_versions"]["domed"]);
  EXPECT_EQ("local-process", got["tool_versions"]["executor"]["id"]);
}

TEST(Merge, EqualRecordsAreEqualBytes) {
  const auto bytes = [](const std::string& answer) {
    const Provenance provenance({source(always(answer))}, [](const std::string&) {});
    return provenance.collect(local_job(), "/");
  };
  const std::string one = bytes(R"({"repo":{"name":"n","remote":"r"},"ref":"\u00e4"})");
  EXPECT_EQ(one, bytes("{ \"ref\":\"\xc3\xa4\", \"repo\" : {\"remote\":\"r\",\"name\":\"n\"}}"));
  EXPECT_EQ(one, canonical_json(Json::parse(one)));
}

// The end of a run.

constexpr const char* kClean =
    R"({"commit_sha":"one","tree_sha":"t","ref":"r","dirty_flag":"false","changed_files":0,
        "untracked_files":0,"submodules":[],
        "diff_sha256":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"})";

Json end_after(const std::string& before, const std::string& after, const std::string& cwd = "/") {
  std::string answer = before;
  const Provenance provenance({source([&](const auto&) { return answer; })},
                              [](const std::string&) {});
  JobFixed job = local_job();
  if (cwd.empty()) job.request = {{"executor", "external"}};
  job.provenance = provenance.collect(job, cwd);
  answer = after;
  return Json::parse(provenance.collect_end(job, cwd));
}

TEST(Drift, IsFalseOnlyWhereEverythingIsTheSame) {
  const Json end = end_after(kClean, kClean);
  EXPECT_EQ("false", end["drift"]);
  EXPECT_EQ(Json::array(), end["moved"]);
  EXPECT_EQ("domed.provenance_end/1", end["schema"]);
}

TEST(Drift, NamesWhatMoved) {
  const Json changes = Json::parse(
      R"({"commit_sha":"two","tree_sha":"u","ref":"s","dirty_flag":"true","changed_files":1,
          "untracked_files":2,"submodules":[{"commit":"c","dirty":"false","path":"p"}],
          "diff_sha256":"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"})");
  for (const auto& [field, value] : changes.items()) {
    Json after = Json::parse(kClean);
    after[field] = value;
    const Json end = end_after(kClean, after.dump());
    EXPECT_EQ("true", end["drift"]) << field;
    EXPECT_EQ(Json{field}, end["moved"]);
    EXPECT_EQ(value, end[field]);
  }
}

TEST(Drift, IsUnknownForAReasonWhereSomethingCannotBeCompared) {
  Json lacking = Json::parse(kClean);
  lacking["dirty_flag"] = "unknown", lacking["dirty_flag_reason"] = "a filter";
  const Json at_end = end_after(kClean, lacking.dump());
  expect_unknown(at_end, "drift", "a filter");
  expect_unknown(at_end, "dirty_flag", "a filter");
  expect_unknown(end_after(lacking.dump(), kClean), "drift", "at the start: a filter");
  expect_unknown(end_after(kClean, kClean, ""), "drift", "the job named no cwd");
}

TEST(Drift, IsUnknownWhereEqualCountsAndFlagsProveNothing) {
  const auto end_with = [](const char* field, const Json& value) {
    Json same = Json::parse(kClean);
    same[field] = value, same["dirty_flag"] = "true";
    return end_after(same.dump(), same.dump());
  };
  expect_unknown(end_with("untracked_files", 1), "drift", "untracked files");
  for (const char* dirty : {"true", "unknown"}) {
    const Json submodule{{"path", "sm"}, {"commit", "c"}, {"dirty", dirty}};
    expect_unknown(end_with("submodules", Json::array({submodule})), "drift", "the submodule sm");
  }
  const Json clean{{"path", "sm"}, {"commit", "c"}, {"dirty", "false"}};
  EXPECT_EQ("false", end_with("submodules", Json::array({clean}))["drift"]);
}

TEST(Drift, IsNotAskedOfCollectorsThatLookAtNoSources) {
  int calls = 0;
  const Provenance provenance(
      {source([&](const auto&) { return ++calls, std::string("{}"); }, {"env_fingerprint"})},
      [](const std::string&) {});
  JobFixed job = local_job();
  job.provenance = provenance.collect(job, "/");
  EXPECT_EQ("", provenance.collect_end(job, "/"));
  EXPECT_EQ(1, calls);
}

TEST(Drift, RecordStaysWithinAnEvent) {
  Json after = Json::parse(kClean);
  after["submodules"] = Json::array();
  for (int i = 0; i < 15; ++i) after["submodules"].push_back({{"path", std::string(1000, 'p')}});
  for (const char* field : {"commit_sha", "tree_sha", "ref"})
    after[field] = std::string(16000, 'x');
  const Json end = end_after(kClean, after.dump());
  EXPECT_LE(end.dump().size(), limits::kEventBytes - 4096);
  EXPECT_EQ("true", end["drift"]);
}

}  // namespace
}  // namespace domed::test
