#include "loader/describe.h"

#include <gtest/gtest.h>

#include "deployment/deployment.h"
#include "support/scratch.h"

namespace domed {
namespace {

constexpr const char* kDescribed = R"(name: store-x
kind: store
version: 1.0
abi: 2
summary: Keeps things.
license: MIT
capabilities: [fast]
options:
  path: {type: path, default: "$x.db", description: The file.}
  wait: {type: duration, required: true, min: 1s, max: 1m, example: 3s, description: Wait.}
  tags: {type: list, default: [a, "b c"], description: Tags.}
  old:  {type: integer, default: 1, deprecated: use wait, description: Old.}
)";

TEST(Describe, ExplainNamesEveryOption) {
  const testing::Scratch scratch;
  EXPECT_EQ(explain(load_manifest(scratch.write("store-x.yaml", kDescribed))),
            R"(# store-x 1.0 (store), MIT
# Keeps things.
# capabilities: fast
store:
  plugin: store-x
  options:
    # The file.
    # a path; default "$x.db"
    path: "$$x.db"
    # Wait.
    # a duration (such as 1500ms, 2s, 1h) from 1s to 1m; required
    # example: 3s
    wait: 3s
    # Tags.
    # a list of texts; default [a, "b c"]
    tags: [a, "b c"]
    # Old.
    # an integer; default 1
    # deprecated: use wait
    # old: 1
)");
}

TEST(Describe, ExplanationCanBePasted) {
  const testing::Scratch scratch;
  const Manifest manifest = load_manifest(scratch.write("plugins/store-x.yaml", kDescribed));
  const auto file = scratch.write(
      "domed.yaml",
      "domed: 1\ncontrol: {listen: [\"ipc:///c\"]}\nevents: {listen: [\"ipc:///e\"]}\n"
      "state_dir: /s\n" +
          explain(manifest));
  const Deployment deployment = load_deployment(file, {process_variables(), {}});
  EXPECT_EQ(deployment.store.options.text("path"), "/s/$x.db");
  EXPECT_EQ(deployment.store.options.list("tags")[1], "b c");
  EXPECT_TRUE(deployment.warnings.empty());
}

TEST(Describe, ListShowsUsableAndUnusable) {
  const testing::Scratch scratch;
  scratch.write("store-x.yaml", kDescribed);
  scratch.write("store-y.yaml", "name: store-y\nkind: store\nversion: 1\nabi: 2\nlicense: MIT\n");
  const std::string dir = scratch.path().string() + "/";
  EXPECT_EQ(list_plugins({scratch.path()}),
            "store-x 1.0 (store)\n  Keeps things.\n  UNUSABLE\n  " + dir +
                "store-x.yaml: cannot use " + dir +
                "store-x.so: there is no such file; build it or correct 'library' in the "
                "manifest\n\nstore-y\n  UNUSABLE\n  " +
                dir + "store-y.yaml:1:1: missing key 'summary'\n");
}

TEST(Describe, EmptyListSaysWhereItLooked) {
  EXPECT_EQ(list_plugins({"/nonexistent"}), "no plugins; looked in\n  /nonexistent\n");
}

}  // namespace
}  // namespace domed
