#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "api/tool_fence.h"
#include "api/tools.h"
#include "base/replaceable.h"
#include "domed/store.h"
#include "follow/streams.h"
#include "log/environment.h"
#include "log/journal.h"
#include "protocol/call.h"

namespace domed {

// Which jobs the deployment takes.
struct SubmitRules {
  bool allow_ad_hoc = false;  // commands, and not its tools alone
  std::string own_user;       // the identity of the daemon's user; empty on a shared store
  std::set<std::string> queues{"default"};  // that it serves
  std::string node;  // this one, where others act on the store too; else empty
};

// A node by which, or by whose queues, a job may be submitted.
struct KnownNode {
  std::string id, name;
  std::vector<std::string> queues;
  bool lives = true;
};

// SubmitJob and RetryJob: how a job comes to be.  A repeated request returns its job, whatever the
// deployment allows by now; so the rules are looked at only while there is none, and that there
// is one is decided by the journal alone.
//
// Thread-safe.
class SubmitMethods {
 public:
  // "events_urls" tells where the frames of a job are published.
  using EventsUrls = std::function<std::vector<std::string>(const std::string& job_id)>;

  // Those that act on the store; of a daemon that has it for itself that one.
  using Nodes = std::function<std::vector<KnownNode>()>;

  SubmitMethods(const Store& store, Journal& journal, Streams& streams, Environment& environment,
                const ToolMethods& tools, SubmitRules rules, std::string store_secret,
                EventsUrls events_urls, Nodes nodes);

  // From now on these hold, for jobs that are not there yet.
  void use(SubmitRules rules) { rules_.become(std::move(rules)); }
  bool allows_ad_hoc() const { return rules_.now()->allow_ad_hoc; }

  void submit_job(Call call);
  void retry_job(Call call);

 private:
  void submit_for(Call call, const std::string& submitter);
  void give_id(JobFixed& job) const;
  void check_rules(JobFixed& job, const Identity& who) const;
  void check_queue(const JobFixed& job, const SubmitRules& rules) const;
  void check_node(const JobFixed& job, const SubmitRules& rules) const;
  bool is_known(const std::string& job_id) const;
  void check_lineage(const JobFixed& job, const Identity& who) const;
  std::string token_of(const JobFixed& external) const;
  OrderedJson said_of(const Submission& submission, State state, const std::string& log_id,
                      const Identity& who) const;
  void answer_with_end(const Call& call, const Submission& submission) const;

  const Store& store_;
  Journal& journal_;
  Streams& streams_;
  Environment& environment_;
  const ToolMethods& tools_;
  const std::string own_user_;
  Replaceable<SubmitRules> rules_;
  const std::string store_secret_;  // tokens of external jobs are made with it
  const EventsUrls events_urls_;
  const Nodes nodes_;
  const ToolFence fence_;
};

}  // namespace domed
