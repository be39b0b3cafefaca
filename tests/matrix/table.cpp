#include "table.h"

namespace domed::matrix {

std::string name_of(Rank rank) {
  static const std::string names[] = {"none", "reader", "producer", "submitter", "operator"};
  return names[rank];
}

const std::vector<Row>& table() {
  static const Json nothing = Json::object();
  static const Json tool{{"idempotency_key", "tool"}, {"tool_id", "hello"}};
  static const Json command{{"idempotency_key", "command"}, {"command", {"true"}}};
  static const Json external{{"idempotency_key", "external"}, {"executor", "external"}};
  static const Json again{{"idempotency_key", "again"}};
  static const std::vector<Row> rows{
      {"Health", nothing, none},
      {"WhoAmI", nothing, none},
      {"ListCapabilities", nothing, reader},
      {"ListTools", nothing, reader},
      {"GetTool", {{"tool_id", "hello"}}, reader},
      {"GetJobStatus", nothing, reader, Job::followed},
      {"ListJobs", nothing, reader},
      {"StreamJobEvents", nothing, reader, Job::followed},
      {"AppendJobEvents",
       {{"producer_id", "p"}, {"producer_token", "TOKEN"}, {"events", Json::array()}},
       producer,
       Job::followed},
      {"AppendJobEvents",
       {{"producer_id", "p"}, {"producer_token", "guessed"}, {"events", Json::array()}},
       producer,
       Job::followed,
       none,
       "E_UNAUTHORIZED"},
      {"SubmitJob", tool, submitter},
      {"SubmitJob", external, submitter},
      {"SubmitJob", command, submitter, Job::nobody, everything},
      {"HoldJob", nothing, submitter, Job::own},
      {"ReleaseJob", nothing, submitter, Job::own},
      // It does not run yet.
      {"PauseJob", nothing, submitter, Job::own, none, "E_INVALID_TRANSITION"},
      {"ResumeJob", nothing, submitter, Job::own, none, "E_INVALID_TRANSITION"},
      {"CancelJob", nothing, submitter, Job::own},
      {"RetryJob", again, submitter, Job::own},
      {"DeleteJob", nothing, submitter, Job::own},
      {"HoldJob", nothing, submitter, Job::foreign, everything},
      {"ReleaseJob", nothing, submitter, Job::foreign, everything},
      {"PauseJob", nothing, submitter, Job::foreign, everything, "E_INVALID_TRANSITION"},
      {"ResumeJob", nothing, submitter, Job::foreign, everything, "E_INVALID_TRANSITION"},
      {"CancelJob", nothing, submitter, Job::foreign, everything},
      {"RetryJob", again, submitter, Job::foreign, everything},
      {"DeleteJob", nothing, submitter, Job::foreign, everything},
      {"TrimJob", {{"keep_from_seq", 1}}, everything, Job::followed},
      {"ImportJob", nothing, everything, Job::nobody, none, "E_INVALID_REQUEST"},
      {"Backup", nothing, everything, Job::nobody, none, "E_STORE"},  // store-memory has none
      {"Reload", nothing, everything},
      {"ListNodes", nothing, everything},
      {"DrainNode", nothing, everything, Job::nobody, none, "E_INVALID_REQUEST"},
      {"UndrainNode", nothing, everything, Job::nobody, none, "E_INVALID_REQUEST"},
      {"ForgetNode", nothing, everything, Job::nobody, none, "E_INVALID_REQUEST"},
      // It has its store for itself.
      {"ApplyCluster", {{"text", "domed: 1\n"}}, everything, Job::nobody, none, "E_POLICY_DENIED"},
      {"GetCluster", nothing, everything},
  };
  return rows;
}

}  // namespace domed::matrix
