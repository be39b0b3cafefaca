#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "git_collector.h"
#include "domed/support/program.h"

namespace domed::git {

using nlohmann::json;

// The plugin's options with their defaults; a test changes what it is about.
struct FakeOptions : Options {
  std::map<std::string, std::string, std::less<>> texts{{"git", "git"}, {"foreign_owner", "read"}};
  std::chrono::milliseconds timeout{20000};  // generous: sanitizers and loaded machines
  bool hash_diff = true, author_hash = false;

  std::string text(std::string_view name) const override { return texts.find(name)->second; }
  std::int64_t integer(std::string_view) const override { return 0; }
  bool boolean(std::string_view name) const override {
    return name == "author_hash" ? author_hash : hash_diff;
  }
  std::chrono::milliseconds duration(std::string_view) const override { return timeout; }
  std::uint64_t size(std::string_view) const override { return 0; }
  std::vector<std::string> list(std::string_view) const override { return {}; }
};

struct FakeHost : Host {
  std::string logged;
  void log(Level, std::string_view line) noexcept override { logged += line; }
};

// A directory of its own, removed at the end.
class Scratch : public testing::Test {
 protected:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "domed-git-XXXXXX").string();
    root = std::filesystem::canonical(::mkdtemp(name.data())).string();
  }
  ~Scratch() override { std::filesystem::remove_all(root); }

  static std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  // An executable shell script.
  std::string script(const std::string& name, const std::string& body) const {
    write(root + "/" + name, "#!/bin/sh\n" + body + "\n");
    ::chmod((root + "/" + name).c_str(), 0755);
    return root + "/" + name;
  }
  // So much later that no file system calls the file unchanged.
  static void touch(const std::string& path, int seconds = 10) {
    std::filesystem::last_write_time(
        path, std::filesystem::last_write_time(path) + std::chrono::seconds(seconds));
  }

  std::string root;
};

// Scratch with real git repositories in it.
class GitScratch : public Scratch {
 protected:
  // Runs the machine's git, apart from the machine's configuration; its output.
  std::string git(const std::string& directory, std::vector<std::string> words,
                  bool must_succeed = true) const {
    words.insert(words.begin(),
                 {"git", "-c", "protocol.file.allow=always", "-c", "user.name=n", "-c",
                  "user.email=e@example.org", "-c", "init.defaultBranch=main"});
    const program::Outcome outcome =
        program::run({.program = "/usr/bin/env",
                      .arguments = words,
                      .directory = directory,
                      .environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + root,
                                      "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null"},
                      .deadline = program::Clock::now() + std::chrono::seconds(60)});
    if (must_succeed) {
      EXPECT_TRUE(outcome.ok()) << "git " << words.back() << ": " << outcome.err << outcome.error;
    }
    return outcome.out.substr(0, outcome.out.find('\n'));
  }

  // A repository "name" with one commit of one file "a".
  std::string repository(const std::string& name = "r") const {
    const std::string path = root + "/" + name;
    std::filesystem::create_directories(path);
    git(path, {"init", "-q"});
    write(path + "/a", "one\n");
    commit(path);
    return path;
  }
  void commit(const std::string& path) const {
    git(path, {"add", "-A"});
    git(path, {"commit", "-q", "-m", "m"});
  }
  // A repository with a checked-out submodule "sub".
  std::string with_submodule() const {
    const std::string inner = repository("inner"), outer = repository("outer");
    git(outer, {"submodule", "--quiet", "add", inner, "sub"});
    commit(outer);
    return outer;
  }

  json collect(const std::string& cwd, std::chrono::milliseconds budget = std::chrono::hours(1)) {
    return json::parse(GitCollector(options, host).collect({cwd, "", budget}));
  }

  FakeOptions options;
  FakeHost host;
};

inline bool has_flag(const json& record, const std::string& flag) {
  const json& flags = record.at("flags");
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

// Every field is there; none is empty; each unknown one says why.
inline void expect_complete(const json& record) {
  for (const char* field :
       {"repo", "commit_sha", "tree_sha", "ref", "describe", "commit_time", "author_hash",
        "dirty_flag", "changed_files", "untracked_files", "diff_sha256", "submodules", "flags"}) {
    ASSERT_TRUE(record.contains(field)) << field;
    EXPECT_NE(record.at(field), "") << field;
    if (record.at(field) != "unknown") continue;
    EXPECT_FALSE(record.value(std::string(field) + "_reason", "").empty()) << record.dump(1);
  }
  EXPECT_TRUE(record.at("tool_versions").contains("git"));
}

inline testing::AssertionResult mentions(const json& text, const std::string& part) {
  const std::string whole = text.is_string() ? text.get<std::string>() : text.dump();
  if (whole.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << whole << "' does not mention '" << part << "'";
}

}  // namespace domed::git
