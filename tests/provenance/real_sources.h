#pragma once

#include "fake_source.h"
#include "host_collector.h"
#include "scratch.h"

namespace domed::git {

struct HostDefaults : FakeOptions {
  std::vector<std::string> list(std::string_view) const override { return {"PATH", "LANG"}; }
  bool boolean(std::string_view) const override { return false; }
};

// provenance-git and provenance-host as a deployment has them, over the real
// machine, in a scratch directory.
class RealSources : public GitScratch {
 protected:
  std::vector<Source> sources() {
    Source git_source =
        test::source(nullptr, {"repo", "commit_sha", "tree_sha", "dirty_flag"}, "provenance-git");
    git_source.collector = std::make_shared<GitCollector>(options, host);
    git_source.library_sha256 = std::string(64, 'a');
    Source host_source = test::source(nullptr, {"env_fingerprint"}, "provenance-host");
    host_source.collector = std::make_shared<domed::host::HostCollector>(HostDefaults(), quiet_);
    host_source.library_sha256 = std::string(64, 'b');
    return {git_source, host_source};
  }

 private:
  FakeHost quiet_;
};

}  // namespace domed::git
