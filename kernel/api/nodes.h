#pragma once

#include <string>

#include "api/append.h"
#include "domed/store.h"
#include "jobs/scheduler.h"
#include "protocol/call.h"

namespace domed {

// ListNodes: the daemons that act on the store, as this one sees them.  One that has its store for
// itself is the only one.  And what people want of one of several: DrainNode, UndrainNode,
// ForgetNode.  Thread-safe.
class NodeMethods {
 public:
  // "id" and "name" of this one.
  NodeMethods(const Store& store, Scheduler& scheduler, ThisNode node, std::string id,
              std::string name)
      : store_(store), scheduler_(scheduler), node_(std::move(node)), id_(std::move(id)), name_(std::move(name)) {}

  void list_nodes(Call call) const;
  void drain_node(Call call);
  void undrain_node(Call call);
  void forget_node(Call call);

 private:
  OrderedJson jobs_of(const std::string& id) const;
  NodeLease::Seen named(const std::string& node) const;

  const Store& store_;
  Scheduler& scheduler_;
  const ThisNode node_;
  const std::string id_, name_;
};

}  // namespace domed
