#include "provenance/provenance.h"

#include <algorithm>

#include "base/version.h"
#include "domed/error.h"
#include "domed/support/hash.h"
#include "log/request_hash.h"
#include "protocol/api_error.h"
#include "protocol/request.h"
#include "provenance/drift.h"
#include "provenance/input_files.h"
#include "provenance/record.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds kToolBudget = 2s, kInputBudget = 2s, kOpenBudget = 500ms;
constexpr std::size_t kMaxAnswer = 1 << 20;

// What a collector is told, so that what it knows by then can still be taken.
milliseconds told(milliseconds budget) {
  return budget - std::clamp(budget / 4, milliseconds(1), milliseconds(500));
}

bool looks_at_sources(const Source& source) {
  const auto drifts = drift_fields();
  return std::any_of(source.fields.begin(), source.fields.end(), [&](const auto& field) {
    return std::find(drifts.begin(), drifts.end(), field) != drifts.end();
  });
}

Json parse_answer(const std::string& answer, const std::string& source) {
  if (answer.size() > kMaxAnswer)
    throw Error(Code::internal, source + " answered with more than 1 MiB");
  // By the kernel's own strict rules first: nlohmann takes duplicate keys, of which the record
  // would keep one.
  Json out = Json::parse(compact_json(answer));
  if (!out.is_object()) throw Error(Code::internal, source + " did not return an object");
  return out;
}

}  // namespace

Provenance::Provenance(std::vector<Source> sources, Log log, std::string runner, Timed timed)
    : log_(std::move(log)),
      timed_(std::move(timed)),
      tools_(std::make_shared<ToolFacts>(std::move(runner))),
      tool_call_("looking at the tool", stop_.get_token()),
      input_call_("hashing the input files", stop_.get_token()),
      open_call_("opening the working directory", stop_.get_token()) {
  for (Source& source : sources) {
    GuardedCall call(source.name, stop_.get_token());
    sources_.push_back({std::move(source), std::move(call)});
  }
}

std::string Site::path() const {
  return opened ? "/proc/self/fd/" + std::to_string(opened->get()) : cwd;
}

// The runner refuses such a job by itself; but it must not be told either what lies in a directory
// that only the daemon may read, which somebody put in the place of the one that was accepted.
Site Provenance::open(Site site) const {
  if (site.cwd.empty() || !site.below) return site;
  const auto place = std::make_shared<std::shared_ptr<const FoundPath>>();
  try {
    const std::string why = open_call_(
        [place, cwd = site.cwd, below = *site.below]() -> std::string {
          auto found = std::make_shared<const FoundPath>(cwd);
          if (!found->is_directory()) return "\"" + cwd + "\" is not a directory";
          if (!found->is_in_one_of(below))
            return "\"" + cwd + "\" leads to where its tool does not accept it";
          *place = std::move(found);
          return "";
        },
        kOpenBudget);
    if (!why.empty()) return Site::unseen("its working directory " + why);
  } catch (const Error& e) {
    return Site::unseen(std::string("its working directory ") + e.what());
  }
  site.opened = *place;
  return site;
}

void Provenance::must_go_on() const {
  if (stop_.stop_requested()) throw stopping_error();
}

Json Provenance::answer_of(const Guarded& guarded, const JobFixed& job, const Site& site) const {
  const Source& source = guarded.source;
  if (site.cwd.empty()) throw Error(Code::not_found, site.why);
  const CollectRequest request{site.path(), job.tool_id(), told(source.budget)};
  // A call that is late goes on with the directory that it was given, which stays open for it.
  const std::string answer =
      guarded.call([collector = source.collector, request,
                    opened = site.opened] { return collector->collect(request); },
                   source.budget);
  return admit(parse_answer(answer, source.name), source.name, [&](const std::string& key) {
    log_("job " + job.job_id + ": " + source.name + ": '" + reason_text(key) +
         "' is no field that a collector may fill");
  });
}

Json Provenance::ask(const JobFixed& job, const Site& site, bool at_end) const {
  Json record = Json::object();
  for (const Guarded& guarded : sources_) {
    // At the end only those are asked who tell what can drift: the machine is the same.
    if (at_end && !looks_at_sources(guarded.source)) continue;
    Json found = Json::object();
    const auto begun = std::chrono::steady_clock::now();
    const auto time = [&](bool ok) {
      if (!site.cwd.empty())
        timed_(guarded.source.name, std::chrono::steady_clock::now() - begun, ok);
    };
    try {
      found = answer_of(guarded, job, site);
      time(true);
    } catch (const std::exception& e) {
      time(false);
      log_("job " + job.job_id + ": " + guarded.source.name + ": " + reason_text(e.what()));
      // What it announced it has to answer for, also by failing: each of its fields says why.
      for (const auto& field : guarded.source.fields) put_unknown_at(found, field, e.what());
      found = admit(found, guarded.source.name, [](const auto&) {});  // it may announce anything
    }
    merge(record, found);
  }
  return record;
}

std::string Provenance::collect(const JobFixed& job, const Site& named,
                                const CommandEnvironment& environment) const {
  const Site site = open(named);
  Json record = ask(job, site, false);
  if (job.external())
    put_unknown(
        record, "env_fingerprint",
        "the run is elsewhere: its producer reports it, the daemon's machine is not its own");
  complete(record);
  add_versions(record, job, {site.path(), environment, site.cwd, site.opened});
  add_inputs(record, job, site);
  add_hashes(record, job);
  put_text(record, "submitter", job.submitter, "it was submitted before that was recorded");
  record["schema"] = kProvenanceSchema;
  must_go_on();
  return encode_record(std::move(record));
}

std::string Provenance::collect_end(const JobFixed& job, const Site& site) const {
  const bool any = std::any_of(sources_.begin(), sources_.end(), [](const auto& guarded) {
    return looks_at_sources(guarded.source);
  });
  if (!any || job.provenance.empty()) return "";
  Json now = ask(job, open(site), true);
  complete(now);
  must_go_on();
  return encode_record(drift_record(Json(job.provenance_json()), now));
}

void Provenance::add_versions(Json& record, const JobFixed& job, const Launch& launch) const {
  Json facts;
  try {
    const auto deadline = std::chrono::steady_clock::now() + told(kToolBudget);
    // The lambda holds what it needs by value, "tools" by its count: it may outlive this call.
    facts = Json::parse(tool_call_(
        [=, tools = tools_] { return tools->collect(job, launch, deadline).dump(); }, kToolBudget));
  } catch (const std::exception& e) {
    facts = unknown_tool_facts(e.what());
  }
  Json& versions = record["tool_versions"];
  versions.update(facts);
  versions["domed"] = kVersion;
  versions["protocol"] = kProtocol;
  versions["plugins"] = Json::object();
  for (const auto& [source, call] : sources_) {
    Json& plugin = versions["plugins"][source.name] = Json::object();
    put_text(plugin, "version", source.version, "its manifest names none");
    put_text(plugin, "library_sha256", source.library_sha256, "it was not hashed");
  }
}

void Provenance::add_inputs(Json& record, const JobFixed& job, const Site& site) const {
  const Json declared = job.tool.is_object() ? job.tool.value("inputs", Json()) : Json();
  if (!declared.is_array() || declared.empty())
    return put_unknown(record, "input_files", "the tool declares no inputs");
  if (job.external())
    return put_unknown(record, "input_files", "the run is elsewhere: its files are not here");
  if (site.cwd.empty()) return put_unknown(record, "input_files", site.why);
  try {
    const auto deadline = std::chrono::steady_clock::now() + told(kInputBudget);
    const auto patterns = declared.get<std::vector<std::string>>();
    record["input_files"] = Json::parse(input_call_(
        [=] { return hash_inputs(site.path(), patterns, {}, deadline).dump(); }, kInputBudget));
  } catch (const std::exception& e) {
    put_unknown(record, "input_files", e.what());
  }
}

void Provenance::add_hashes(Json& record, const JobFixed& job) const {
  const Json& environment = record.at("env_fingerprint");
  if (is_unknown(environment))
    put_unknown(record, "env_fingerprint_hash", record.at("env_fingerprint_reason"));
  else
    record["env_fingerprint_hash"] = sha256_hex(canonical_json(environment));
  record["input_hash"] = request_hash(job.request);  // values of variables are not in it
  Json contracts{{"protocol", DOMED_PROTOCOL_SHA256}};
  if (job.tool.is_object())
    put_text(contracts, "tool", job.tool.value("contract_sha256", ""), "it was not hashed");
  else
    put_unknown(contracts, "tool", "an ad-hoc command, not a tool of the deployment");
  record["contract_hashes"] = contracts;
}

}  // namespace domed
