#include "api/submit.h"

#include "api/change.h"
#include "api/permission.h"
#include "api/status.h"
#include "api/submission.h"
#include "log/refusal.h"
#include "log/token.h"
#include "protocol/job_id.h"
#include "protocol/limits.h"

namespace domed {

SubmitMethods::SubmitMethods(const Store& store, Journal& journal, Streams& streams,
                             Environment& environment, const ToolMethods& tools, SubmitRules rules,
                             std::string store_secret, EventsUrls events_urls, Nodes nodes)
    : store_(store),
      journal_(journal),
      streams_(streams),
      environment_(environment),
      tools_(tools),
      own_user_(rules.own_user),
      rules_(std::move(rules)),
      store_secret_(std::move(store_secret)),
      events_urls_(std::move(events_urls)),
      nodes_(std::move(nodes)) {}

void SubmitMethods::submit_job(Call call) {
  const std::string submitter = call.who->name;
  submit_for(std::move(call), submitter);
}

// Nobody squats another's keys: the id is made of the submitter, too, but for the user of a daemon
// that is alone on its store, whose ids are as they always were.  From before there were submitters
// a job has none, and the plain id; who sends its key again means that one.  So does who had the
// plain id while their daemon was alone.
void SubmitMethods::give_id(JobFixed& job) const {
  const std::string plain = derive_job_id("", job.client_id, job.idempotency_key);
  job.job_id = job.submitter == own_user_
                   ? plain
                   : derive_job_id(job.submitter, job.client_id, job.idempotency_key);
  if (job.job_id == plain || store_.find(job.job_id)) return;
  const auto old = store_.find(plain);
  if (!old || old->tombstone) return;
  const std::string whose = fixed_of(*old).submitter;
  if (whose.empty() || whose == job.submitter) job.job_id = plain;
}

void SubmitMethods::submit_for(Call call, const std::string& submitter) {
  Params params(call.params);
  // How long the answer may take, and nothing of the job: it may be another one when the request
  // comes again.
  const std::chrono::milliseconds wait(params.integer("wait_ms", 0, 0, limits::kWaitMsMost));
  auto submission = std::make_shared<Submission>(read_job(params));
  JobFixed& fixed = submission->fixed;
  fixed.submitter = submitter;
  fixed.accepted_by = rules_.now()->node;
  give_id(fixed);
  // `IdempotentSubmit`. A look, no claim: of two who submit the same at once both may come through
  // here, and the journal makes one job of them.
  const bool is_new = !store_.find(fixed.job_id);
  if (is_new) check_rules(fixed, *call.who);
  // Where the job is there already create() puts its own in the place of this one.
  fixed.run_id = environment_.random_id();
  if (fixed.external()) submission->token = token_of(fixed);
  auto state = std::make_shared<std::pair<State, std::string>>();
  JobChange change;
  change.job_id = fixed.job_id;
  change.apply = [submission, state, is_new](JobLog& log, const Identity& who) {
    if (is_new) must_be_let_run(who, submission->fixed);
    // A tombstone that was found may be dropped meanwhile, and no rule was held against what would
    // be made in its place.
    if (!is_new && !log.exists()) throw busy("job '" + log.job_id() + "' was just forgotten", 0);
    log.create(*submission);
    *state = {log.head().state, log.head().log_id};
  };
  change.result = [this, submission, state, who = call.who] {
    return said_of(*submission, state->first, state->second, *who).dump();
  };
  if (wait.count() > 0)
    change.answer = [this, submission, state, wait](const Call& asked) {
      // Whoever may not ask any more hears what the commit said, which was made while they might;
      // so does everybody when the daemon stops, for the job is there.
      const auto as_committed = [this, submission, state, asked] {
        asked.result(said_of(*submission, state->first, state->second, *asked.who).dump());
      };
      const auto over = [this, submission, as_committed, asked] {
        asked.may_still() ? answer_with_end(asked, *submission) : as_committed();
      };
      streams_.when_over(submission->fixed.job_id, asked, wait, over, as_committed);
    };
  submit(journal_, std::move(call), std::move(change));
}

OrderedJson SubmitMethods::said_of(const Submission& submission, State state,
                                   const std::string& log_id, const Identity& who) const {
  const JobFixed& job = submission.fixed;
  OrderedJson out{{"job_id", job.job_id},
                  {"run_id", job.run_id},
                  {"log_id", log_id},
                  {"state", state_name(state)},
                  {"replayed", submission.replayed},
                  {"events_urls", events_urls_(job.job_id)}};
  // To its submitter alone, also when the request comes again; of a job from before there were
  // submitters, to operators.
  const bool mine = job.submitter.empty() ? who.role == Role::admin : job.submitter == who.name;
  if (job.external() && mine) out["producer_token"] = token_of(job);
  return out;
}

// What the store has by now, which need not be the end: the time may be over, or the daemon stops.
void SubmitMethods::answer_with_end(const Call& call, const Submission& submission) const try {
  const JobRecord record = existing(store_, submission.fixed.job_id);
  const JobHead head = head_of(record);
  OrderedJson out = said_of(submission, head.state, head.log_id, *call.who);
  if (is_terminal(head.state)) put_how_it_ended(out, head);
  call.result(out.dump());
} catch (...) {
  call.error(std::current_exception());
}

// The same for a repeated request: a record from before ABI 2 has the one it was given.
std::string SubmitMethods::token_of(const JobFixed& external) const {
  return external.producer_token.empty() ? external_token(store_secret_, external.run_id)
                                         : external.producer_token;
}

// Of a new job: its queue and what it depends on are there, and its command is one that the
// deployment lets run.  The job gets its tool's descriptor, as it is now.
void SubmitMethods::check_rules(JobFixed& job, const Identity& who) const {
  must_be_let_run(who, job);
  const auto rules = rules_.now();
  if (!job.external()) {
    check_queue(job, *rules);
    check_node(job, *rules);
  }
  check_lineage(job, who);
  for (const auto& id : job.request.value("depends_on", Json::array()))
    if (!is_known(id.get<std::string>()))
      throw ApiError("E_INVALID_REQUEST", "'depends_on': no job '" + id.get<std::string>() + "'");
  if (!job.tool_id().empty()) {
    set_tool(job, tools_.tool(job.tool_id()));
    fence_.check(job, job.tool);
  } else if (!job.external() && !rules->allow_ad_hoc) {
    throw ApiError("E_POLICY_DENIED",
                   "this deployment runs its tools only (allow_ad_hoc: false): name a tool_id",
                   {{"field", "command"}});
  }
}

void SubmitMethods::check_queue(const JobFixed& job, const SubmitRules& rules) const {
  const std::string queue = job.request.value("queue", "default");
  const bool is_shared = !rules.node.empty();
  std::set<std::string> served = rules.queues;
  if (is_shared)
    for (const auto& node : nodes_())
      if (node.lives) served.insert(node.queues.begin(), node.queues.end());
  if (served.contains(queue)) return;
  std::string known;
  for (const auto& name : served) known += (known.empty() ? "" : ", ") + name;
  throw ApiError("E_INVALID_REQUEST",
                 is_shared ? "no node that lives serves the queue '" + queue + "': there are " +
                                 (known.empty() ? "none" : known)
                           : "no queue '" + queue + "' in the deployment: there are " + known);
}

// One that is not there may come; a name that two have would leave it to chance which is meant.
void SubmitMethods::check_node(const JobFixed& job, const SubmitRules& rules) const {
  const std::string wanted = job.request.value("node", "");
  if (wanted.empty()) return;
  std::string known;
  std::size_t called_so = 0;
  for (const auto& node : nodes_()) {
    if (node.id == wanted) return;
    called_so += node.name == wanted;
    known += (known.empty() ? "" : ", ") + node.name + " (" + node.id + ")";
  }
  if (called_so > 1)
    throw ApiError("E_INVALID_REQUEST", "'node': " + std::to_string(called_so) +
                                            " nodes are called '" + wanted +
                                            "': give the id of one: " + known);
  if (rules.node.empty() && called_so == 0)
    throw ApiError("E_INVALID_REQUEST", "'node': there is no node '" + wanted +
                                            "': this daemon has its store for itself, and is " +
                                            known);
}

// One that is being imported nobody sees yet; of one that is gone the end is known.
bool SubmitMethods::is_known(const std::string& job_id) const {
  const auto record = is_kernels_own(job_id) ? std::nullopt : store_.find(job_id);
  return record && !head_of(*record).importing;
}

// A status shows it as one job's story: nobody else's is gone on with.
void SubmitMethods::check_lineage(const JobFixed& job, const Identity& who) const {
  const std::string before = job.request.value("retry_of", "");
  if (before.empty()) return;
  if (is_kernels_own(before)) throw no_such_job(before);
  must_own(who, fixed_of(existing(store_, before)).submitter, before);
}

namespace {

// A copy has of the request what a status shows.
void must_be_whole(const JobFixed& job) {
  std::string missing;
  for (const char* key : {"env", "secret_env"}) {
    const Json env = job.request.value(key, Json::object());
    for (const auto& item : env.items())
      if (item.value().is_null()) missing += (missing.empty() ? "" : ", ") + item.key();
  }
  if (!missing.empty()) missing = "the values of its variables " + missing;
  if (job.request.value("stdin", Json::object()).contains("sha256"))
    missing += (missing.empty() ? "" : " and ") + std::string("the bytes that it read");
  if (!missing.empty())
    throw ApiError("E_INVALID_REQUEST", "job '" + job.job_id + "' was imported without " + missing +
                                            ": submit it anew with them");
}

}  // namespace

// A job is one run with one sealed log, so a retry is a job of its own: the same
// request, values of "env" included, which no client can read back.
void SubmitMethods::retry_job(Call call) {
  Params params(call.params);
  const std::string job_id = params.job_id();
  const std::string key = params.required_text("idempotency_key", limits::kKeyBytes);
  const std::string client_id = params.text("client_id", limits::kKeyBytes).value_or("");
  const Json env = params.object("env");
  params.done();
  const JobRecord record = existing(store_, job_id);
  const JobFixed before = fixed_of(record);
  must_own(*call.who, before.submitter, job_id);
  if (!is_terminal(head_of(record).state))
    throw ApiError("E_INVALID_TRANSITION", "job '" + job_id + "' is " + record.columns.state +
                                               ": only a job that is over can be tried again");
  if (before.external())
    throw ApiError("E_INVALID_REQUEST",
                   "job '" + job_id + "' is external: its producer may submit another");
  must_be_whole(before);
  Json request = before.request;
  if (!before.tool_id().empty()) request.erase("command");  // the tool makes it anew
  // These said when the first one was to start, and that is past.
  for (const char* once : {"hold", "depends_on", "not_before"}) request.erase(once);
  if (!before.name.empty()) request["name"] = before.name;
  // One variable changed, while nobody need know the values of the others.  Null takes one away.
  if (!env.is_null()) request["env"].merge_patch(env);
  request.update({{"idempotency_key", key}, {"client_id", client_id}, {"retry_of", job_id}});
  // From here on a request as any other: today's rules of the deployment hold, and its key makes it
  // one job however often it is sent.
  call.params = request.dump();
  const std::string submitter = before.submitter.empty() ? call.who->name : before.submitter;
  submit_for(std::move(call), submitter);
}

}  // namespace domed
