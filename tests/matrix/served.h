#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "asked.h"
#include "client/client.h"
#include "support/certificates.h"
#include "support/scratch.h"
#include "table.h"

namespace domed::matrix {

// Other users of this machine, by their numbers: members of control.group with each role, and
// one who is no member.
inline constexpr uid_t kMembers = 60000;  // and the rank
inline constexpr uid_t kStranger = 60099;
bool can_be_others();
gid_t member_group();

// The real daemon, on every kind of listener at once.  It has read its files anew since a token was
// taken away and a certificate revoked.
class Served {
 public:
  Served();
  ~Served();
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  // Control listeners.  Over "ws" whoever comes has the rank.
  const std::string& ipc() const { return ipc_; }
  const std::string& tcp() const { return urls_.at("tcp")[0]; }
  const std::string& certificates() const { return urls_.at("tls+tcp")[0]; }
  const std::string& tokens() const { return urls_.at("tls+tcp")[1]; }
  const std::string& both() const { return urls_.at("tls+tcp")[2]; }
  const std::string& ws_tokens() const { return urls_.at("ws")[0]; }
  const std::string& ws(Rank rank) const { return urls_.at("ws")[rank]; }
  // Event listeners; "open" to anyone over TLS.
  const std::string& ipc_events() const { return events_.at("ipc")[0]; }
  const std::string& tcp_events() const { return events_.at("tcp")[0]; }
  const std::string& certificates_events() const { return events_.at("tls+tcp")[0]; }
  const std::string& open_events() const { return events_.at("tls+tcp")[1]; }
  const std::string& ws_events() const { return events_.at("ws")[0]; }

  const std::string& ca() const { return authority_.file(); }
  // One called "NAME", of the right authority.
  test::Shown certificate(const std::string& name, const std::string& usage = "clientAuth",
                          int from = -1, int to = 90) const {
    return authority_.issue({name, "", usage, from, to});
  }
  test::Shown of_another_authority(const std::string& name) const { return other_.issue({name}); }
  test::Shown signed_by_itself(const std::string& name) const {
    return test::self_signed(directory_, {name});
  }
  const test::Shown& revoked() const { return revoked_; }

  // As the daemon's user.
  Json ask(const std::string& method, const Json& params);
  std::string user(uid_t uid) const { return "uid:" + std::to_string(uid) + "@" + node_; }
  std::string log() const;

 private:
  void write_tokens(bool with_removed) const;
  void write_deployment() const;
  void start();
  void read_again();
  void await(const std::function<bool()>& holds) const;
  // What stands behind "word" in each line of the log that has it.
  std::vector<std::string> told(const std::string& word) const;

  const testing::Scratch made_;
  const std::string directory_ = made_.path().string();
  test::Authority authority_{directory_, "authority"}, other_{directory_, "other"};
  const test::Shown server_ = authority_.issue_for_server();
  const test::Shown revoked_ = authority_.issue({"revoked"});
  const std::string ipc_ = "ipc://" + directory_ + "/run/control.ipc";
  std::map<std::string, std::vector<std::string>> urls_, events_;  // by scheme
  std::string node_;
  pid_t pid_ = 0;
  std::unique_ptr<domed::Client> client_;
};

// The secret of a token: the deployment has one for each rank, named as it, and "expired" and
// "removed".
std::string secret_of(const std::string& name);

}  // namespace domed::matrix
