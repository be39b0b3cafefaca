#pragma once

#include <functional>
#include <string>
#include <vector>

#include "domed/store.h"
#include "log/environment.h"
#include "log/journal.h"
#include "protocol/call.h"

namespace domed {

// What a daemon that is one of several does with settings for all of them.
struct ClusterHooks {
  // What is to be said of them, as of a deployment.  Throws Error(invalid_argument) with every
  // problem for what cannot be used.
  std::function<void(const std::string& text, const std::string& file)> check;
  // They are in the store, and this node is to act on them.
  std::function<void()> take;
};

// ApplyCluster and GetCluster: what all nodes of the store hold to (log/kernels_own.h).
// Thread-safe.
class ClusterMethods {
 public:
  // "hooks" without "check": the daemon has its store for itself.
  ClusterMethods(const Store& store, Journal& journal, ClusterHooks hooks)
      : store_(store), journal_(journal), hooks_(std::move(hooks)) {}

  void apply_cluster(Call call) const;
  void get_cluster(Call call) const;

 private:
  const Store& store_;
  Journal& journal_;
  const ClusterHooks hooks_;
};

}  // namespace domed
