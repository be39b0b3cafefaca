#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "deployment/deployment.h"
#include "tls/server_context.h"
#include "transport/access.h"

namespace domed {

// Who may come by one listener, and by what that is known.
struct Doorway {
  std::shared_ptr<Access> access;
  std::shared_ptr<tls::ServerContext> tls;  // null: not over TLS
};

// In the order of the listeners: not by URL, for port 0 may be there twice.
struct Doors {
  std::vector<Doorway> control, events;

  // Every context of TLS.
  std::vector<std::shared_ptr<tls::ServerContext>> contexts() const;
};

// Once the state_dir is ours, for the names of users have the node's id in them.  Throws Error
// where a file of TLS cannot be used.
Doors doors_of(const Deployment& deployment, const std::shared_ptr<const Tokens>& tokens);

// The files of TLS that a reload brings, for each listener; null where there are none, or where
// those that hold stay.
struct DoorFiles {
  std::vector<tls::ServerContext::Files> control, events;
  std::vector<std::string> failed;  // why they stay
};

// Reads them for "now", which is what "read" makes of the running deployment.  Changes nothing.
// Throws Error where a listener of "read" cannot use its files; of one that is not there any more,
// and only waits for a restart, nobody may have kept them.  Where roles wait, other authorities do.
DoorFiles read_files(const Doors& doors, const Deployment& now, const Deployment& read);

// Has all of it hold: tokens, files, roles.  "end_others" ends the connections of those who would
// not be let in any more.  At no moment has anybody a role by new roles and old files, or by old
// roles and new files.
void change_doors(const Doors& doors, Tokens& tokens, const Deployment& now, const DoorFiles& files,
                  const std::function<void()>& end_others);

}  // namespace domed
