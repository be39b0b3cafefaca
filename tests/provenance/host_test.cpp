#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "base/json.h"
#include "domed/support/hash.h"
#include "host_collector.h"
#include "support/harness.h"

// What provenance-host tells of a machine, here one that the test makes up.
namespace domed::host {
namespace {

struct HostOptions : Options {
  std::vector<std::string> variables{"PATH", "UNSET"};
  bool hash = false;

  std::string text(std::string_view) const override { return ""; }
  std::int64_t integer(std::string_view) const override { return 0; }
  bool boolean(std::string_view) const override { return hash; }
  std::chrono::milliseconds duration(std::string_view) const override { return {}; }
  std::uint64_t size(std::string_view) const override { return 0; }
  std::vector<std::string> list(std::string_view) const override { return variables; }
};

class HostTest : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const auto path = scratch.path().string() + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
  }
  Json collect() {
    const Variable variable = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    HostCollector collector(options, Machine(scratch.path(), variable));
    return Json::parse(collector.collect({"/nowhere", "", {}}))["env_fingerprint"];
  }

  test::Scratch scratch;
  HostOptions options;
  std::map<std::string, std::string> variables{{"PATH", "/secret/path"}};
};

TEST_F(HostTest, NamesSystemAndMachine) {
  write("/etc/os-release", "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
  write("/proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nflags\t\t: fpu sse\n");
  variables["LANG"] = "de_DE.UTF-8";
  const Json got = collect();
  EXPECT_EQ("Debian GNU/Linux 12 (bookworm)", got["os"]);
  EXPECT_EQ("Some CPU @ 3 GHz", got["cpu"]);
  EXPECT_EQ("de_DE.UTF-8", got["locale"]);
  EXPECT_EQ("none detected", got["vm"]);
  EXPECT_EQ("none detected", got["container"]);
  EXPECT_TRUE(got["libc"].get<std::string>().starts_with("glibc "));
  EXPECT_GT(got["cpus"], 0);
}

TEST_F(HostTest, SaysWhyWhereTheMachineDoesNotSay) {
  const Json got = collect();
  for (const char* field : {"os", "cpu"}) {
    EXPECT_EQ("unknown", got[field]);
    EXPECT_NE("", got.value(std::string(field) + "_reason", ""));
  }
  EXPECT_EQ("C", got["locale"]);
}

TEST_F(HostTest, ShowsTheEnvironmentAsHashesOnly) {
  const Json got = collect();
  EXPECT_EQ(Json(sha256_hex("/secret/path")), got["environment"]["PATH"]);
  EXPECT_EQ("not set", got["environment"]["UNSET"]);
  EXPECT_EQ(std::string::npos, got.dump().find("secret"));
}

TEST_F(HostTest, IsStableAndDiffersWithTheEnvironment) {
  const Json first = collect();
  EXPECT_EQ(first, collect());
  variables["PATH"] = "/other";
  EXPECT_NE(first, collect());
}

TEST_F(HostTest, HashesHostAndMachineOnlyWhenAsked) {
  write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  const Json plain = collect();
  EXPECT_EQ("unknown", plain["hostname_hash"]);
  EXPECT_EQ("the option hash_machine_id is off", plain["machine_id_hash_reason"]);
  options.hash = true;
  const Json asked = collect();
  EXPECT_EQ(Json(sha256_hex("domed machine_id:0123456789abcdef0123456789abcdef")),
            asked["machine_id_hash"]);
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  EXPECT_EQ(Json(sha256_hex("domed hostname:" + std::string(name))), asked["hostname_hash"]);
  EXPECT_EQ(std::string::npos, asked.dump().find("0123456789abcdef"));
}

TEST_F(HostTest, KnowsContainers) {
  write("/proc/self/cgroup", "0::/system.slice/docker-abc.scope\n");
  EXPECT_EQ("docker", collect()["container"]);
  write("/run/.containerenv", "");
  EXPECT_EQ("podman", collect()["container"]);
  write("/run/systemd/container", "systemd-nspawn\n");
  EXPECT_EQ("systemd-nspawn", collect()["container"]);
  variables["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
  EXPECT_EQ("kubernetes", collect()["container"]);
}

TEST_F(HostTest, KnowsVirtualMachines) {
  write("/sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n");
  write("/proc/cpuinfo", "flags\t\t: fpu\n");
  EXPECT_EQ("none detected", collect()["vm"]) << "a maker of hypervisors makes computers too";
  write("/proc/cpuinfo", "flags\t\t: fpu hypervisor\n");
  EXPECT_EQ("hyper-v", collect()["vm"]);
  write("/sys/class/dmi/id/sys_vendor", "Nobody\n");
  EXPECT_EQ("another hypervisor", collect()["vm"]);
}

}  // namespace
}  // namespace domed::host
