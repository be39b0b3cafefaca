#include "api/methods.h"

#include <algorithm>

#include "api/import.h"
#include "api/submission.h"
#include "base/units.h"
#include "base/version.h"
#include "base/words.h"
#include "jobs/waiting.h"
#include "log/refusal.h"
#include "log/retry.h"
#include "protocol/limits.h"

namespace domed {

Methods::Methods(Store& store, Journal& journal, Streams& streams, Scheduler& scheduler,
                 const Provenance& provenance, Environment& environment, Workers& workers,
                 ServiceConfig config)
    : store_(store),
      journal_(journal),
      streams_(streams),
      scheduler_(scheduler),
      provenance_(provenance),
      environment_(environment),
      workers_(workers),
      config_(std::move(config)),
      table_{{"Health", {&Methods::health, true}},
             {"ListCapabilities", {&Methods::list_capabilities}},
             {"ListTools", {&Methods::list_tools}},
             {"GetTool", {&Methods::get_tool}},
             {"SubmitJob", {&Methods::submit_job}},
             {"AppendJobEvents", {&Methods::append_job_events, true}},
             {"GetJobStatus", {&Methods::get_job_status}},
             {"ListJobs", {&Methods::list_jobs}},
             {"CancelJob", {&Methods::cancel_job}},
             {"HoldJob", {&Methods::hold_job}},
             {"ReleaseJob", {&Methods::release_job}},
             {"RetryJob", {&Methods::retry_job}},
             {"DeleteJob", {&Methods::delete_job}},
             {"TrimJob", {&Methods::trim_job}},
             {"ImportJob", {&Methods::import_job}},
             {"StreamJobEvents", {&Methods::stream_job_events, true}}} {}

void Methods::call(const std::string& name, Call call) {
  const auto it = table_.find(name);
  if (it == table_.end()) {
    std::string known;
    for (const auto& item : table_) known += (known.empty() ? "" : ", ") + item.first;
    throw ApiError("E_UNKNOWN_METHOD", "unknown method '" + name + "': there are " + known);
  }
  const Method method = it->second;
  if (method.quick) return (this->*method.handler)(std::move(call));
  const auto shared = std::make_shared<Call>(std::move(call));
  workers_.run(
      [this, method, shared] {
        try {
          (this->*method.handler)(*shared);
        } catch (...) {
          shared->error(std::current_exception());
        }
      },
      [shared] { shared->error(stopping_error()); });
}

void Methods::change(Call call, std::string job_id, bool exclusive,
                     std::function<void(JobLog&)> apply, std::function<std::string()> result) {
  Journal::Command command;
  command.job_id = std::move(job_id);
  command.exclusive = exclusive;
  command.bytes = call.params.size();
  command.apply = [apply = std::move(apply)](JobLog& log, bool) {
    apply(log);
    return true;
  };
  command.done = [call, result = std::move(result)](std::exception_ptr e) {
    e ? call.error(e) : call.result(result());
  };
  journal_.submit(std::move(command));
}

JobRecord Methods::existing(const std::string& job_id) const {
  auto record = store_.find(job_id);
  must_be_there(job_id, record ? &*record : nullptr);
  return std::move(*record);
}

void Methods::health(Call call) {
  Params(call.params).done();
  const OrderedJson out{{"version", kVersion},
                        {"protocol", kProtocol},
                        {"epoch", config_.epoch},
                        {"store", config_.store_name},
                        {"events", config_.all_events_urls()},
                        {"time", format_time(environment_.now())}};
  call.result(out.dump());
}

namespace {

// What a client may ask for that not every daemon of this protocol knows.
OrderedJson features(bool allow_ad_hoc) {
  OrderedJson out{"accept_imported", "accepts",   "external", "frames",
                  "lines",           "long-poll", "waiting"};
  if (allow_ad_hoc) out.insert(out.begin(), "ad-hoc");
  return out;
}

}  // namespace

void Methods::list_capabilities(Call call) {
  Params(call.params).done();
  const OrderedJson out{{"plugins", config_.plugins},
                        {"limits",
                         {{"request_bytes", limits::kRequestBytes},
                          {"event_bytes", limits::kEventBytes},
                          {"batch_bytes", limits::kBatchBytes},
                          {"batch_events", limits::kBatchEvents},
                          {"producers", limits::kProducers},
                          {"kept_batches", limits::kKeptOutcomes},
                          {"batches_ahead", limits::kBatchesAhead},
                          {"streams", limits::kStreams},
                          {"json_depth", kMaxJsonDepth},
                          {"page_events", limits::kPageEvents},
                          {"page_bytes", limits::kPageBytesMost},
                          {"wait_ms", limits::kWaitMsMost},
                          {"frame_bytes", limits::kFrameBytes},
                          {"held_polls", config_.most_polls}}},
                        {"features", features(config_.allow_ad_hoc)}};
  call.result(out.dump());
}

void Methods::list_tools(Call call) {
  Params(call.params).done();
  OrderedJson tools = OrderedJson::array();
  for (const auto& [id, tool] : config_.tools)
    tools.push_back({{"tool_id", id},
                     {"version", tool.value("version", "")},
                     {"title", tool.value("title", "")},
                     {"accepts", tool.value("accepts", Json::object())}});
  call.result(OrderedJson{{"tools", tools}}.dump());
}

void Methods::get_tool(Call call) {
  Params params(call.params);
  const std::string id = params.required_text("tool_id");
  params.done();
  OrderedJson out{{"tool_id", id}};
  const Json tool = tool_snapshot(id);
  for (const auto& [key, value] : tool.items()) {
    if (key == "id") continue;
    out[key] = value;
    if (key != "env") continue;
    out[key] = OrderedJson::array();  // the names alone: values may be secrets
    for (const auto& item : value.items()) out[key].push_back(item.key());
  }
  call.result(out.dump());
}

Json Methods::tool_snapshot(const std::string& id) const {
  const auto it = config_.tools.find(id);
  if (it == config_.tools.end())
    throw ApiError("E_NOT_FOUND",
                   "no tool '" + id + "' in the deployment: 'domectl tools' shows those there are");
  return it->second;
}

void Methods::submit_job(Call call) {
  Params params(call.params);
  auto submission = std::make_shared<Submission>(read_job(params));
  JobFixed& fixed = submission->fixed;
  const std::string job_id = fixed.job_id;
  // A repeated request returns its job whatever the deployment now allows.
  if (!store_.find(job_id)) {
    check_queueing(fixed);
    if (!fixed.tool_id().empty()) {
      set_tool(fixed, tool_snapshot(fixed.tool_id()));
      fence_.check(fixed, fixed.tool);
    } else if (!fixed.external() && !config_.allow_ad_hoc) {
      throw ApiError("E_POLICY_DENIED",
                     "this deployment runs its tools only (allow_ad_hoc: false): name a tool_id",
                     {{"field", "command"}});
    }
  }
  fixed.run_id = environment_.random_id();
  fixed.producer_token = environment_.random_id();
  auto state = std::make_shared<std::pair<State, std::string>>();
  change(
      std::move(call), job_id, false,
      [submission, state](JobLog& log) {
        log.create(*submission);
        *state = {log.head().state, log.head().log_id};
      },
      [this, submission, state] {
        const JobFixed& job = submission->fixed;
        OrderedJson out{{"job_id", job.job_id},
                        {"run_id", job.run_id},
                        {"log_id", state->second},
                        {"state", state_name(state->first)},
                        {"replayed", submission->replayed},
                        {"events_urls", config_.events_urls(job.job_id)}};
        if (job.external()) out["producer_token"] = job.producer_token;
        return out.dump();
      });
}

// Counted from here on: what waits for collectors is bounded with the rest.
void Methods::append_job_events(Call call) {
  AppendRequest request = read_append(call.params);
  if (appends_.fetch_add(1) >= config_.most_appends) {
    --appends_;
    throw busy("too many appends wait for the store", 20);
  }
  const auto reply = std::move(call.reply);
  call.reply = [this, reply](std::string text) {
    --appends_;
    reply(std::move(text));
  };
  if (!request.starts() && !request.ends())
    return commit_append(std::move(call), std::move(request));
  collect(std::move(call), std::make_shared<AppendRequest>(std::move(request)), false);
}

// Pipelined behind the batch that starts the job, an end would find no beginning to
// compare with.
void Methods::await_turn(Call call, std::shared_ptr<AppendRequest> request) {
  Journal::Command command;
  command.job_id = request->job_id;
  command.bytes = call.params.size();
  command.apply = [request](JobLog& log, bool last_chance) {
    const Batch& batch = request->batch;
    return last_chance || batch.number <= log.head().last_batch(batch.producer_id) + 1;
  };
  command.done = [this, call, request](std::exception_ptr e) {
    if (e) return call.error(e);
    collect(call, request, true);
  };
  journal_.submit(std::move(command));
}

void Methods::collect(Call call, std::shared_ptr<AppendRequest> shared, bool last_chance) {
  collecting_.run(
      [this, call, shared, last_chance] {
        try {
          if (!add_provenance(*shared, last_chance)) return await_turn(call, shared);
        } catch (...) {
          return call.error(std::current_exception());
        }
        commit_append(call, std::move(*shared));
      },
      [call] { call.error(stopping_error()); });
}

// What is known of the sources stands in the log before the state it explains.  False:
// a batch before this one is still on its way.
bool Methods::add_provenance(AppendRequest& request, bool last_chance) const {
  const auto record = store_.find(request.job_id);
  if (!record || record->tombstone || !record->columns.unfinished) return true;
  JobFixed fixed = fixed_of(*record);
  Batch& batch = request.batch;
  if (batch.producer_token != fixed.producer_token) return true;  // will be refused
  const std::uint64_t last = head_of(*record).last_batch(batch.producer_id);
  if (!last_chance && batch.number > last + 1 && batch.number <= last + limits::kBatchesAhead)
    return false;
  if (request.starts() && fixed.provenance.empty())
    batch.provenance = fixed.provenance = provenance_.collect(fixed, scheduler_.working_dir(fixed));
  if (request.ends() && fixed.provenance_end.empty())
    batch.provenance_end = provenance_.collect_end(fixed, scheduler_.working_dir(fixed));
  return true;
}

void Methods::commit_append(Call call, AppendRequest request) {
  auto result = std::make_shared<AppendResult>();
  auto batch = std::make_shared<Batch>(std::move(request.batch));
  Journal::Command command;
  command.job_id = request.job_id;
  command.bytes = call.params.size() * 4;  // as events it takes about so much
  call.params = {};                        // read, and not to be kept as long as the commit takes
  command.apply = [batch, result](JobLog& log, bool last_chance) {
    return log.append(*batch, last_chance, *result);
  };
  command.done = [call, result](std::exception_ptr e) {
    if (e) return call.error(e);
    const OrderedJson out{{"first_seq", result->first_seq},
                          {"head_seq", result->head_seq},
                          {"state", state_name(result->state)},
                          {"replayed", result->replayed},
                          {"cancel_requested", result->cancel_requested}};
    call.result(out.dump());
  };
  try {
    journal_.submit_or_commit(std::move(command));
  } catch (...) {
    call.error(std::current_exception());
  }
}

void Methods::get_job_status(Call call) {
  Params params(call.params);
  const std::string job_id = params.job_id();
  params.done();
  const JobRecord record = existing(job_id);
  OrderedJson out = status_json(record);
  if (record.columns.unfinished && out.contains("tty"))
    out["terminal"] = scheduler_.typing_socket(out["run_id"]);
  if (record.columns.state == "queued") {
    Waiting producer;
    producer.external = true;
    out["waiting"] =
        out["executor"] == "external" ? producer.why() : scheduler_.why_waiting(record);
  }
  call.result(out.dump());
}

void Methods::list_jobs(Call call) {
  Params params(call.params);
  ListQuery query;
  query.state = params.text("state").value_or("");
  if (!query.state.empty() && !parse_state(query.state))
    throw ApiError("E_INVALID_REQUEST",
                   "'state' must be queued, running, succeeded, failed or canceled");
  query.label = params.text("label", 1024).value_or("");
  if (!query.label.empty() && query.label.find('=') == std::string::npos)
    throw ApiError("E_INVALID_REQUEST", "'label' must be KEY=VALUE");
  query.tool_id = params.text("tool_id").value_or("");
  if (const auto since = params.text("since")) {
    const auto time = parse_time(*since);
    if (!time)
      throw ApiError("E_INVALID_REQUEST", "'since' must be a time such as 2026-01-31T12:00:00Z");
    query.since = *time;
  }
  query.limit = static_cast<std::size_t>(params.integer("limit", 100, 1, 1000));
  if (const auto page = params.text("page")) {
    if (page->empty() || page->size() > 18 ||
        page->find_first_not_of("0123456789") != std::string::npos)
      throw ApiError("E_INVALID_REQUEST", "'page' must be the next_page of an earlier reply");
    query.before = std::stoll(*page);
  }
  params.done();
  query.max_bytes = limits::kPageBytesMost;
  const auto records = store_.list(query);
  OrderedJson out{{"jobs", OrderedJson::array()}};
  for (const auto& record : records)
    if (record.columns.state != "importing") out["jobs"].push_back(summary_json(record));
  // A page may be short because of its bytes: only an empty one is known to be the last.
  query.before = records.empty() ? 0 : records.back().columns.created;
  query.limit = 1;
  if (query.before && !store_.list(query).empty()) out["next_page"] = std::to_string(query.before);
  call.result(out.dump());
}

namespace {

// What a cancel found, and made of it.
struct Canceled {
  State before = State::queued, after = State::queued;
  bool next = false;  // it had failed and is tried again

  OrderedJson json() const {
    return {{"state", state_name(after)}, {"already_terminal", is_terminal(before)}};
  }
};

Canceled cancel(JobLog& log, const std::string& reason) {
  Canceled out;
  out.before = log.head().state;
  log.request_cancel(reason);
  out.after = log.head().state;
  out.next = is_terminal(out.before) &&
             is_tried_again(log.head(), log.fixed(), out.after, log.head().reason);
  return out;
}

}  // namespace

void Methods::cancel_job(Call call) {
  Params params(call.params);
  const std::string job_id = params.job_id();
  const std::string reason = params.text("reason", limits::kMessageBytes).value_or("");
  params.done();
  const auto found = std::make_shared<Canceled>();
  Journal::Command command;
  command.job_id = job_id;
  command.bytes = call.params.size();
  command.apply = [=](JobLog& log, bool) {
    *found = cancel(log, reason);
    return true;
  };
  command.done = [=, this](std::exception_ptr e) {
    if (e) return call.error(e);
    if (!found->next) return call.result(found->json().dump());
    workers_.run(
        [=, this] {
          try {
            OrderedJson out = found->json();
            out["retry"] = cancel_retry(job_id, reason);
            call.result(out.dump());
          } catch (...) {
            call.error(std::current_exception());
          }
        },
        [call] { call.error(stopping_error()); });
  };
  journal_.submit(std::move(command));
}

// "job_id" is over and was to be tried again: its newest attempt is told to end where it has not
// started.  One that runs is a job of its own, and is only named.
OrderedJson Methods::cancel_retry(std::string job_id, const std::string& reason) {
  const std::string why = shortened(
      "the retry of job " + job_id + " was canceled" + (reason.empty() ? "" : ": " + reason),
      limits::kMessageBytes);
  for (;;) {
    const JobRecord record = existing(job_id);
    make_planned(record);
    job_id = retry_id(job_id);
    const auto next = store_.find(job_id);
    if (!next || next->tombstone)
      return {{"job_id", job_id}, {"state", "gone"}, {"canceled", false}};
    if (next->columns.state == state_name(State::running))
      return {{"job_id", job_id}, {"state", "running"}, {"canceled", false}};
    Canceled it;
    journal_.run(job_id, [&](JobLog& log) { it = cancel(log, why); });
    const bool canceled = it.before == State::queued && it.after == State::canceled;
    if (!it.next)
      return {{"job_id", job_id}, {"state", state_name(it.after)}, {"canceled", canceled}};
  }
}

// As the scheduler would: what needs the job has to hear of an end, so an attempt that is not to
// be started is made all the same.
void Methods::make_planned(const JobRecord& record) {
  const JobHead head = head_of(record);
  if (!head.retry_at) return;
  Submission next = next_attempt(head, fixed_of(record));
  next.fixed.run_id = environment_.random_id();
  next.fixed.producer_token = environment_.random_id();
  journal_.run(next.fixed.job_id, [&](JobLog& log) { log.create(next); });
  journal_.run(record.job_id, [](JobLog& log) { log.retried(); });
}

void Methods::hold_job(Call call) {
  hold(std::move(call), true);
}
void Methods::release_job(Call call) {
  hold(std::move(call), false);
}

void Methods::hold(Call call, bool held) {
  Params params(call.params);
  const std::string job_id = params.job_id();
  const std::string reason = params.text("reason", limits::kMessageBytes).value_or("");
  params.done();
  change(
      std::move(call), job_id, false, [=](JobLog& log) { log.hold(held, reason); },
      [=] {
        return OrderedJson{{"job_id", job_id}, {"held", held}}.dump();
      });
}

namespace {

// A copy has of the request what a status shows.
void must_be_whole(const JobFixed& job) {
  std::string missing;
  const Json env = job.request.value("env", Json::object());
  for (const auto& item : env.items())
    if (item.value().is_null()) missing += (missing.empty() ? "" : ", ") + item.key();
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
void Methods::retry_job(Call call) {
  Params params(call.params);
  const std::string job_id = params.job_id();
  const std::string key = params.required_text("idempotency_key", limits::kKeyBytes);
  const std::string client_id = params.text("client_id", limits::kKeyBytes).value_or("");
  params.done();
  const JobRecord record = existing(job_id);
  const JobFixed before = fixed_of(record);
  if (!is_terminal(head_of(record).state))
    throw ApiError("E_INVALID_TRANSITION", "job '" + job_id + "' is " + record.columns.state +
                                               ": only a job that is over can be tried again");
  if (before.external())
    throw ApiError("E_INVALID_REQUEST",
                   "job '" + job_id + "' is external: its producer may submit another");
  must_be_whole(before);
  Json request = before.request;
  if (!before.tool_id().empty()) request.erase("command");  // the tool makes it anew
  for (const char* once : {"hold", "depends_on", "not_before"}) request.erase(once);
  request.update({{"idempotency_key", key}, {"client_id", client_id}, {"retry_of", job_id}});
  call.params = request.dump();
  submit_job(std::move(call));
}

void Methods::check_queueing(const JobFixed& job) const {
  const std::string queue = job.request.value("queue", "default");
  std::string known;
  for (const auto& name : config_.queues) known += (known.empty() ? "" : ", ") + name;
  if (!config_.queues.contains(queue))
    throw ApiError("E_INVALID_REQUEST",
                   "no queue '" + queue + "' in the deployment: there are " + known);
  for (const auto& id : job.request.value("depends_on", Json::array()))
    if (!store_.find(id.get<std::string>()))
      throw ApiError("E_INVALID_REQUEST", "'depends_on': no job '" + id.get<std::string>() + "'");
}

namespace {

// What deleting and importing answer: which log it was, and how far it went.
std::string log_text(const std::string& job_id, const JobHead& head) {
  return OrderedJson{{"job_id", job_id},
                     {"log_id", head.log_id},
                     {"state", state_name(head.state)},
                     {"head_seq", head.head_seq},
                     {"digest", to_hex(head.digest)}}
      .dump();
}

}  // namespace

void Methods::delete_job(Call call) {
  Params params(call.params);
  const std::string job_id = params.job_id();
  params.done();
  auto head = std::make_shared<JobHead>();
  change(
      std::move(call), job_id, true,
      [=](JobLog& log) {
        log.purge();
        *head = log.head();
      },
      [=, this] {
        workers_.run([this, job_id] { scheduler_.forget(job_id); });
        return log_text(job_id, *head);
      });
}

void Methods::trim_job(Call call) {
  Params params(call.params);
  const std::string job_id = params.job_id();
  const auto keep = static_cast<std::uint64_t>(params.integer("keep_from_seq", 0, 1, INT64_MAX));
  params.done();
  if (keep == 0)
    throw ApiError("E_INVALID_REQUEST", "'keep_from_seq' is required: the oldest seq to keep");
  const JobRecord record = existing(job_id);
  // The newest event stays: without its end a log could not be told from a torn one.
  if (keep > record.head_seq)
    throw ApiError("E_CURSOR_AHEAD", "keep_from_seq lies beyond the head, which always stays",
                   {{"head", record.head_seq}});
  if (keep <= record.first_seq)
    return call.result(OrderedJson{{"first_seq", record.first_seq}}.dump());
  const Digest base = base_before(record, keep);
  change(
      std::move(call), job_id, true,
      [=, first = record.first_seq](JobLog& log) { log.trim(first, keep, base); },
      [=] {
        return OrderedJson{{"first_seq", keep}}.dump();
      });
}

// Events never change, so the digest can be computed outside the journal.
Digest Methods::base_before(const JobRecord& record, std::uint64_t keep_from) const {
  Digest digest = head_of(record).base_digest;
  std::uint64_t seq = record.first_seq;
  while (seq < keep_from) {
    const auto slice = store_.read(record.job_id, seq, limits::kPageEvents, limits::kPageBytesMost);
    if (!slice || slice->ends.empty() || slice->from != seq)
      throw busy("job '" + record.job_id + "' was trimmed by someone else just now");
    std::size_t begin = 0;
    for (const std::uint32_t end : slice->ends) {
      if (seq++ == keep_from) return digest;
      digest = chain(digest, std::string_view(slice->events).substr(begin, end - begin - 1));
      begin = end;
      if (seq == keep_from) break;
    }
  }
  return digest;
}

void Methods::import_job(Call call) {
  std::string job_id;
  auto piece = std::make_shared<ImportPiece>(read_import(call.params, job_id));
  if (piece->record) piece->record->fixed.producer_token = environment_.random_id();
  auto head = std::make_shared<JobHead>();
  change(
      std::move(call), job_id, false,
      [=](JobLog& log) {
        log.import(*piece);
        *head = log.head();
      },
      [=] { return log_text(job_id, *head); });
}

void Methods::stream_job_events(Call call) {
  streams_.page(std::move(call));
}

}  // namespace domed
