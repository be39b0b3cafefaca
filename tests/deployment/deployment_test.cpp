#include "deployment/deployment.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "support/scratch.h"

namespace domed {
namespace {

using std::chrono::milliseconds;

constexpr const char* kStore =
    "kind: store\nversion: 1.0\nabi: 2\nsummary: S\nlicense: MIT\noptions:\n"
    "  path: {type: path, default: x.db, description: The file.}\n"
    "  mode: {type: enum, values: [full, none], default: full, description: How.}\n";
constexpr const char* kCollector =
    "kind: provenance\nversion: 1.0\nabi: 2\nsummary: S\nlicense: MIT\n";
constexpr const char* kLimited =
    "kind: provenance\nversion: 1.0\nabi: 2\nsummary: S\nlicense: MIT\noptions:\n"
    "  timeout: {type: duration, default: 5s, description: Its own limit.}\n";
constexpr const char* kSmallest =
    "domed: 1\ncontrol: {listen: [\"ipc:///run/c\"]}\nevents: {listen: [\"ipc:///run/e\"]}\n"
    "state_dir: /state\nstore: {plugin: store-x}\n";  // lines 1 to 5

class DeploymentTest : public ::testing::Test {
 protected:
  DeploymentTest() {
    scratch_.write("plugins/store-x.yaml", std::string("name: store-x\n") + kStore);
    scratch_.write("plugins/provenance-x.yaml", std::string("name: provenance-x\n") + kCollector);
    scratch_.write("plugins/provenance-y.yaml", std::string("name: provenance-y\n") + kLimited);
    context_.installation = scratch_.path() / "installation";
    context_.variables = [this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    };
  }

  Deployment load(const std::string& text) {
    return load_deployment(scratch_.write("domed.yaml", text), context_);
  }
  // The problems of "text", without the scratch directory.
  std::string problems(const std::string& text) {
    return testing::error_of([&] { load(text); }, scratch_.path().string() + "/");
  }
  // The problems of lines that follow the smallest deployment, from line 6 on.
  std::string problems_after(const std::string& text) { return problems(kSmallest + text); }

  testing::Scratch scratch_;
  std::map<std::string, std::string, std::less<>> variables_{{"HOME", "/home/me"}};
  DeploymentContext context_;
};

TEST_F(DeploymentTest, ANodeServesAllItsQueuesOrThoseThatItNames) {
  using Names = std::set<std::string>;
  const auto served = [&](const std::string& jobs) {
    return load(kSmallest + std::string("cluster: {}\njobs: {") + jobs + "}\n").jobs.served();
  };
  EXPECT_EQ(Names{"default"}, served(""));
  EXPECT_EQ((Names{"builds", "default"}), served("queues: {builds: 1}"));
  EXPECT_EQ(Names{"gpu"}, served("queues: {builds: 1}, serve: [gpu]"));
  EXPECT_EQ(Names{}, served("serve: []")) << "it takes requests, and starts nothing";
  EXPECT_EQ(Names{"default"}, served("serve: null"));
  EXPECT_EQ(
      "domed.yaml:6:15: jobs.serve: this daemon has its store for itself, so it serves all its "
      "queues: leave it out, or add 'cluster'",
      problems_after("jobs: {serve: [gpu]}\n"));
  EXPECT_EQ("domed.yaml:7:16: jobs.serve: a queue's name has 1 to 128 bytes",
            problems_after("cluster: {}\njobs: {serve: ['']}\n"));
}

TEST_F(DeploymentTest, TheUmaskOfJobsIsOctal) {
  const auto umask_of = [&](const std::string& text) {
    return load(kSmallest + std::string("jobs: {umask: ") + text + "}\n").jobs.umask;
  };
  EXPECT_FALSE(load(kSmallest).jobs.umask) << "the daemon's own";
  EXPECT_EQ(027u, umask_of("027"));
  EXPECT_EQ(027u, umask_of("\"0027\""));
  EXPECT_EQ(0u, umask_of("0"));
  for (const char* wrong : {"028", "1000", "-1", "0x12", "\"\"", "00000022", "rw"})
    EXPECT_NE(std::string::npos, problems_after(std::string("jobs: {umask: ") + wrong + "}\n")
                                     .find("jobs.umask must be octal digits"))
        << wrong;
}

TEST_F(DeploymentTest, SmallestDeploymentGetsDefaults) {
  const Deployment d = load(kSmallest);
  ASSERT_EQ(d.control_listen.size(), 1u);
  EXPECT_EQ(d.control_listen[0].url, "ipc:///run/c");
  EXPECT_EQ(d.store.options.text("path"), "/state/x.db");
  EXPECT_EQ(d.event_shards, 1);
  EXPECT_EQ(d.jobs.max_running, 4);
  EXPECT_FALSE(d.jobs.allow_ad_hoc);
  EXPECT_EQ(d.jobs.env_allowlist.size(), 10u);
  EXPECT_EQ(d.retention.keep_tombstones, std::chrono::hours(24 * 90));
  EXPECT_EQ(d.log.level, "info");
  EXPECT_TRUE(d.warnings.empty());
}

TEST_F(DeploymentTest, ACollectorsTimeFollowsItsOwnLimit) {
  const auto time_of = [this](const std::string& entry) {
    return load(kSmallest + ("provenance: [{plugin: " + entry + "}]\n")).provenance.at(0).timeout;
  };
  EXPECT_EQ(time_of("provenance-x"), milliseconds(2000));
  EXPECT_EQ(time_of("provenance-y"), milliseconds(5000));
  EXPECT_EQ(time_of("provenance-y, options: {timeout: 7s}"), milliseconds(7000));
  EXPECT_EQ(time_of("provenance-y, timeout: 9s"), milliseconds(9000));
}

TEST_F(DeploymentTest, ACollectorsTimeIsNotCutSilently) {
  const Deployment d =
      load(std::string(kSmallest) + "provenance: [{plugin: provenance-y, timeout: 3s}]\n");
  ASSERT_EQ(d.warnings.size(), 1u);
  EXPECT_NE(d.warnings[0].find("3s holds, not the option 'timeout' of provenance-y, 5s"),
            std::string::npos)
      << d.warnings[0];
  EXPECT_EQ(problems_after("provenance: [{plugin: provenance-x, timeout: 0s}]\n"),
            "domed.yaml:6:46: provenance[0].timeout must be at least 10ms, is '0s'");
}

TEST_F(DeploymentTest, EverySectionIsRead) {
  const Deployment d = load(std::string(kSmallest) + R"(provenance:
  - {plugin: provenance-x, timeout: 300ms}
jobs: {max_running: 7, allow_ad_hoc: true, cancel_grace: 1s, max_output: 2MiB, drain: 3s,
       shutdown: drain, env_allowlist: [PATH], queues: {builds: 2}, cgroup: /sys/fs/cgroup/d,
       give_up: 3h}
tools: [{id: t, command: ["true"]}]
retention: {keep_finished: 1d, keep_jobs: 5, keep_tombstones: 2d}
log: {level: debug}
)");
  EXPECT_EQ(d.provenance.at(0).manifest.name, "provenance-x");
  EXPECT_EQ(d.provenance.at(0).timeout, milliseconds(300));
  EXPECT_EQ(d.jobs.max_output, 2u << 20);
  EXPECT_TRUE(d.jobs.drain_at_shutdown);
  EXPECT_EQ(d.jobs.env_allowlist, std::vector<std::string>{"PATH"});
  EXPECT_EQ(d.jobs.queues, (std::map<std::string, std::size_t>{{"builds", 2}}));
  EXPECT_EQ(d.jobs.give_up, std::chrono::hours(3));
  EXPECT_EQ(d.jobs.cgroup, "/sys/fs/cgroup/d");
  EXPECT_NE(d.tool("t"), nullptr);
  EXPECT_EQ(d.tool("u"), nullptr);
  EXPECT_EQ(d.retention.keep_jobs, 5);
  EXPECT_EQ(d.log.level, "debug");
}

TEST_F(DeploymentTest, SevenMistakesGiveSevenLinesInOrder) {
  EXPECT_EQ(
      problems(R"(domed: 1
control: {listen: ["tcp://0.0.0.0:7450"]}
events: {listen: ["ipc:///run/e"], shards: 65}
state_dir: "${STATE}/domed"
store: {plugin: store-x, options: {mode: ful, pth: y}}
jobs: {max_runing: 4, cancel_grace: soon}
)"),
      "domed.yaml:2:20: cannot listen at 'tcp://0.0.0.0:7450': '0.0.0.0' is beyond loopback, which "
      "needs tls+tcp; use that, or 127.0.0.1, [::1] or localhost\n"
      "domed.yaml:3:44: events.shards must be an integer from 1 to 64, is '65'\n"
      "domed.yaml:4:12: the variable STATE is not set; set it or write ${STATE:-default}\n"
      "domed.yaml:5:42: store-x: 'mode' must be one of full, none, is 'ful' (did you mean "
      "'full'?)\n"
      "domed.yaml:5:47: store-x has no option 'pth' (did you mean 'path'?)\n"
      "domed.yaml:6:8: unknown key 'max_runing' in jobs (did you mean 'max_running'?)\n"
      "domed.yaml:6:37: jobs.cancel_grace must be a duration such as 1500ms, 2s, 5m, 1h or 30d, "
      "at most 1h, is 'soon'");
}

TEST_F(DeploymentTest, MissingSectionsAreAllNamed) {
  EXPECT_EQ(problems("domed: 1\n"),
            "domed.yaml:1:1: missing key 'control'\ndomed.yaml:1:1: missing key 'events'\n"
            "domed.yaml:1:1: missing key 'state_dir'\ndomed.yaml:1:1: missing key 'store'");
}

TEST_F(DeploymentTest, OtherVersionStandsAlone) {
  EXPECT_EQ(problems("domed: 2\nnew: things\n"),
            "domed.yaml:1:8: the file's format is version '2', this daemon reads version 1");
}

TEST_F(DeploymentTest, VersionIsRequired) {
  EXPECT_EQ(
      problems(std::string(kSmallest).substr(9)),
      "domed.yaml:1:1: missing key 'domed'; write 'domed: 1', the version of the file's format");
}

TEST_F(DeploymentTest, EmptyFileIsRefused) {
  EXPECT_EQ(problems("\n"), "domed.yaml:1:1: the file is empty");
}

TEST_F(DeploymentTest, AbsentFileIsNotFound) {
  EXPECT_EQ(testing::code_of([&] { load_deployment(scratch_.path() / "no.yaml", context_); }),
            Code::not_found);
}

TEST_F(DeploymentTest, UnknownPluginSaysWhatIsThere) {
  const std::string text =
      std::string(kSmallest).replace(std::string(kSmallest).find("store-x"), 7, "store-y");
  const std::string problem = problems(text);
  EXPECT_EQ(
      problem.find("domed.yaml:5:17: no plugin 'store-y' (did you mean 'store-x'?); looked for "
                   "store-y.yaml in plugins, installation/plugins, installation/lib"),
      0u)
      << problem;
  EXPECT_NE(problem.find("; found there: provenance-x, provenance-y, store-x"), std::string::npos)
      << problem;
}

TEST_F(DeploymentTest, PluginNamesCannotLeaveThePath) {
  const std::string text =
      std::string(kSmallest).replace(std::string(kSmallest).find("store-x"), 7, "../store-x");
  EXPECT_EQ(
      problems(text),
      "domed.yaml:5:17: '../store-x' is no plugin's name: lower-case letters, digits and hyphens");
}

TEST_F(DeploymentTest, BrokenManifestIsShownBelowItsUse) {
  scratch_.write("plugins/store-x.yaml",
                 "name: store-x\nkind: store\nversion: 1\nabi: 2\nlicense: MIT\n");
  EXPECT_EQ(problems_after("oops: 1\n"),
            "domed.yaml:5:17: the manifest of 'store-x' is not valid:\n"
            "plugins/store-x.yaml:1:1: missing key 'summary'\n"
            "domed.yaml:6:1: unknown key 'oops'");
}

TEST_F(DeploymentTest, KindsMustFit) {
  EXPECT_EQ(problems_after("provenance: [{plugin: store-x}]\n"),
            "domed.yaml:6:23: 'store-x' is a store plugin, needed is a provenance plugin");
}

TEST_F(DeploymentTest, CollectorsAreNotGivenTwice) {
  EXPECT_EQ(problems_after("provenance: [{plugin: provenance-x}, {plugin: provenance-x}]\n"),
            "domed.yaml:6:47: provenance: the plugin 'provenance-x' is there twice");
}

TEST_F(DeploymentTest, InstallationIsSearchedAfterTheFilesDirectory) {
  scratch_.write("installation/plugins/store-y.yaml", std::string("name: store-y\n") + kStore);
  const std::string text =
      std::string(kSmallest).replace(std::string(kSmallest).find("store-x"), 7, "store-y");
  EXPECT_EQ(load(text).store.manifest.file, scratch_.path() / "installation/plugins/store-y.yaml");
  scratch_.write("plugins/store-y.yaml", std::string("name: store-y\n") + kStore);
  EXPECT_EQ(load(text).store.manifest.file, scratch_.path() / "plugins/store-y.yaml");
}

TEST_F(DeploymentTest, OneListenerPerPlace) {
  EXPECT_EQ(problems("domed: 1\ncontrol: {listen: [\"ipc:///run/e.2\"]}\nstate_dir: /s\n"
                     "events: {listen: [\"ipc:///run/e\"], shards: 3}\nstore: {plugin: store-x}\n"),
            "domed.yaml:4:19: cannot listen at 'ipc:///run/e.2' twice; line 2 does already");
}

TEST_F(DeploymentTest, ListenersAreRequired) {
  EXPECT_EQ(
      problems(
          "domed: 1\ncontrol: {listen: []}\nevents: {}\nstate_dir: /s\nstore: {plugin: store-x}\n"),
      "domed.yaml:2:19: control.listen must be a list with at least one URL\n"
      "domed.yaml:3:9: events: missing key 'listen'");
}

TEST_F(DeploymentTest, GroupMustExist) {
  const std::string text = std::string(kSmallest).replace(std::string(kSmallest).find("c\"]"), 3,
                                                          "c\"], group: no-such-group-here");
  EXPECT_NE(problems(text).find("control.group: there is no group 'no-such-group-here'"),
            std::string::npos);
}

TEST_F(DeploymentTest, StateDirMustBeAbsolute) {
  const std::string text =
      std::string(kSmallest).replace(std::string(kSmallest).find("/state"), 6, "state");
  EXPECT_EQ(problems(text), "domed.yaml:4:12: state_dir must be an absolute path, is 'state'");
}

TEST_F(DeploymentTest, ListenersMayBeMaps) {
  const Deployment d = load(
      "domed: 1\nstate_dir: /state\nstore: {plugin: store-x}\n"
      "control:\n  listen:\n    - ipc:///run/c\n    - url: ws://127.0.0.1:7401/\n"
      "      origins: [\"http://localhost:8080\"]\n      roles: {operator: [anyone]}\n"
      "events: {listen: [{url: \"tcp://127.0.0.1:7402\", roles: {reader: [anyone]}}]}\n");
  ASSERT_EQ(d.control_listen.size(), 2u);
  EXPECT_EQ(d.control_listen[1].url, "ws://127.0.0.1:7401/");
  EXPECT_EQ(d.control_listen[1].origins, std::vector<std::string>{"http://localhost:8080"});
  EXPECT_EQ(d.control_listen[1].grants, (std::vector<Grant>{{Role::admin, Grant::To::anyone, ""}}));
  ASSERT_EQ(d.events_listen.size(), 1u);
  EXPECT_EQ(d.events_listen[0].url, "tcp://127.0.0.1:7402");
  EXPECT_EQ(d.warnings.size(), 2u);
}

// What others can replace would act as us.
TEST_F(DeploymentTest, NothingMayBeReplaceableByOthers) {
  const auto others = scratch_.path() / "open";
  std::filesystem::create_directories(others / "plugins");
  std::filesystem::permissions(others, std::filesystem::perms::all);
  const std::string why = "open can be written by others (mode 0777)";
  std::string text = kSmallest;
  text.replace(text.find("/run/c"), 6, (others / "run/c").string());
  text.replace(text.find("/state"), 6, (others / "state").string());
  const std::string found = problems(text);
  EXPECT_NE(found.find("domed.yaml:2:20: the socket's directory open/run could be replaced by "
                       "others: " +
                       why),
            std::string::npos)
      << found;
  EXPECT_NE(found.find("domed.yaml:4:12: state_dir could be replaced by others: " + why),
            std::string::npos)
      << found;
  scratch_.write("open/plugins/store-y.yaml", std::string("name: store-y\n") + kStore);
  text = std::string(kSmallest) + "plugin_path: [open/plugins]\n";
  text.replace(text.find("store-x"), 7, "store-y");
  EXPECT_EQ(problems(text),
            "domed.yaml:5:17: the manifest of 'store-y' could be replaced by "
            "others, and would run as us: " +
                why);
  scratch_.write("open/domed.yaml", kSmallest);
  EXPECT_NE(testing::error_of([&] {
              load_deployment(others / "domed.yaml", context_);
            }).find("domed.yaml:1:1: others could replace this file"),
            std::string::npos);
}

TEST_F(DeploymentTest, RangesAreChecked) {
  EXPECT_EQ(
      problems_after(
          "jobs: {max_running: 0, max_output: 1, env_allowlist: [\"A=B\"], shutdown: stay,\n"
          "       cgroup: rel}\nretention: {keep_jobs: -1}\nlog: {level: warn}\n"),
      "domed.yaml:6:21: jobs.max_running must be an integer from 1 to 4096, is '0'\n"
      "domed.yaml:6:36: jobs.max_output must be a size such as 64KiB, 10MiB or 1GiB, from 1KiB to "
      "1024TiB, is '1'\n"
      "domed.yaml:6:55: jobs.env_allowlist: 'A=B' is no variable's name: letters, digits and _\n"
      "domed.yaml:6:73: jobs.shutdown must be one of leave, drain, is 'stay'\n"
      "domed.yaml:7:16: jobs.cgroup must be an absolute path, is 'rel'\n"
      "domed.yaml:8:24: retention.keep_jobs must be an integer from 0 to 1000000000, is '-1'\n"
      "domed.yaml:9:14: log.level must be one of trace, debug, info, warning, error, is 'warn'");
}

TEST_F(DeploymentTest, ANodesNameNeedsNoQuotes) {
  EXPECT_EQ(load(std::string(kSmallest) + "node: {name: build-1.a_b}\n").node_name, "build-1.a_b");
  EXPECT_EQ(load(kSmallest).node_name, "");
  EXPECT_EQ(
      problems_after("node: {name: \"a b\"}\n"),
      "domed.yaml:6:14: node.name must be at most 64 letters, digits, '.', '-' and '_', is 'a b'");
}

TEST_F(DeploymentTest, InputSchemaIsNotExpanded) {
  const Deployment d =
      load(std::string(kSmallest) +
           "tools: [{id: t, command: [\"${HOME}/t\"], input_schema: {title: \"$${x}\"}}]\n");
  EXPECT_EQ(d.tools[0].command[0], "/home/me/t");
  EXPECT_EQ(d.tools[0].input_schema, R"({"title":"$${x}"})");
}

TEST_F(DeploymentTest, EmptySectionsAreEmpty) {
  EXPECT_EQ(problems_after("provenance:\njobs:\ntools:\nretention:\nlog:\n"), "");
}

// The file that ships, read with the manifests that ship.
TEST(DefaultDeployment, IsValid) {
  const std::filesystem::path source = TEST_SOURCE;
  const testing::Scratch scratch;
  for (const auto* name : {"store-sqlite", "provenance-git", "provenance-host"}) {
    const auto manifest = source / "plugins" / name / (std::string(name) + ".yaml");
    std::filesystem::create_directories(scratch.path() / "plugins");
    std::filesystem::copy_file(manifest, scratch.path() / "plugins" / manifest.filename());
  }
  const Variables variables = [](std::string_view name) -> std::optional<std::string> {
    if (name == "HOME") return "/home/me";
    return std::nullopt;
  };
  const Deployment d = load_deployment(source / "config/domed.yaml", {variables, scratch.path()});
  const std::string sockets = "ipc:///home/me/.local/state/domed/run/domed/";
  EXPECT_EQ(d.control_listen.at(0).url, sockets + "control.ipc");
  EXPECT_EQ(d.state_dir, "/home/me/.local/state/domed");
  EXPECT_EQ(d.store.options.text("path"), "/home/me/.local/state/domed/domed.db");
  EXPECT_TRUE(d.jobs.allow_ad_hoc);
}

}  // namespace
}  // namespace domed
