#pragma once

#include <string>

#include "api/append.h"
#include "domed/store.h"
#include "protocol/call.h"

namespace domed {

// ListNodes: the daemons that act on the store, as this one sees them.  One that has its store for
// itself is the only one.  Thread-safe.
class NodeMethods {
 public:
  // "id" and "name" of this one.
  NodeMethods(const Store& store, ThisNode node, std::string id, std::string name)
      : store_(store), node_(std::move(node)), id_(std::move(id)), name_(std::move(name)) {}

  void list_nodes(Call call) const;

 private:
  OrderedJson jobs_of(const std::string& id) const;

  const Store& store_;
  const ThisNode node_;
  const std::string id_, name_;
};

}  // namespace domed
