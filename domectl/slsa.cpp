#include "domectl/slsa.h"

#include "domectl/table.h"
#include "domed/error.h"

namespace domed::ctl {
namespace {

// Names only; there is nothing to fetch.
constexpr const char* kBuildType = "urn:domed:slsa:job:v1";
constexpr const char* kBuilder = "urn:domed:executor:";

bool known(const OrderedJson& json, const char* key) {
  const std::string value = field(json, key);
  return !value.empty() && value != "unknown";
}

OrderedJson subjects(const OrderedJson& status) {
  OrderedJson out = OrderedJson::array();
  if (status.contains("artifacts") && status["artifacts"].is_array())
    for (const auto& artifact : status["artifacts"])
      out.push_back({{"name", field(artifact, "path")},
                     {"digest", {{"sha256", field(artifact, "sha256")}}},
                     {"annotations", {{"kind", field(artifact, "kind")}}}});
  if (!out.empty()) return out;
  // What the job wrote is what it made, where it names nothing else.
  const std::string name = "job/" + field(status, "job_id") + "/";
  const OrderedJson streams = part(status, "streams");
  for (const auto& [stream, totals] : streams.items())
    out.push_back({{"name", name + stream}, {"digest", {{"sha256", field(totals, "sha256")}}}});
  // A statement needs a subject: the log as a whole, by its digest chain.
  if (out.empty())
    out.push_back({{"name", name + "log"}, {"digest", {{"domedChain", field(status, "digest")}}}});
  return out;
}

OrderedJson external_parameters(const OrderedJson& status) {
  OrderedJson out = OrderedJson::object();
  for (const char* key : {"tool_id", "command", "executor", "cwd", "env", "labels", "task",
                          "constraints", "profile", "limits", "timeout_s", "tty", "stdin"})
    if (status.contains(key)) out[key] = status[key];
  return out;
}

// The program that ran, what it read and what was checked out below, as far as known.
void add_files(const OrderedJson& provenance, OrderedJson& out) {
  const OrderedJson program = part(part(provenance, "tool_versions"), "executable");
  if (known(program, "sha256") && known(program, "path"))
    out.push_back(
        {{"name", field(program, "path")}, {"digest", {{"sha256", field(program, "sha256")}}}});
  const OrderedJson inputs = part(provenance, "input_files");
  if (inputs.contains("files") && inputs["files"].is_array())
    for (const auto& file : inputs["files"])
      out.push_back(
          {{"name", field(file, "path")}, {"digest", {{"sha256", field(file, "sha256")}}}});
  if (provenance.contains("submodules") && provenance["submodules"].is_array())
    for (const auto& submodule : provenance["submodules"])
      if (known(submodule, "commit"))
        out.push_back({{"name", field(submodule, "path")},
                       {"digest", {{"gitCommit", field(submodule, "commit")}}},
                       {"annotations", {{"dirty", field(submodule, "dirty")}}}});
}

OrderedJson source_of(const OrderedJson& provenance) {
  const OrderedJson repo = part(provenance, "repo");
  const std::string place = known(repo, "remote") ? field(repo, "remote") : field(repo, "name");
  const std::string ref = known(provenance, "ref") ? "@" + field(provenance, "ref") : "";
  // The digest names the commit, and a verifier takes that for all there is: that the tree was
  // dirty stands beside it, as an annotation, since in-toto has no field for it.
  OrderedJson source{{"uri", "git+" + place + ref},
                     {"digest", {{"gitCommit", field(provenance, "commit_sha")}}}};
  OrderedJson notes = OrderedJson::object();
  for (const char* key : {"dirty_flag", "diff_sha256"})
    if (provenance.contains(key)) notes[key] = provenance[key];
  source["annotations"] = notes;
  return source;
}

OrderedJson dependencies(const OrderedJson& provenance) {
  OrderedJson out = OrderedJson::array();
  if (known(provenance, "commit_sha")) out.push_back(source_of(provenance));
  add_files(provenance, out);
  return out;
}

OrderedJson run_details(const OrderedJson& status, const OrderedJson& provenance) {
  const OrderedJson versions = part(provenance, "tool_versions");
  OrderedJson metadata{{"invocationId", field(status, "run_id")}};
  if (known(status, "started_at")) metadata["startedOn"] = field(status, "started_at");
  if (known(status, "ended_at")) metadata["finishedOn"] = field(status, "ended_at");
  OrderedJson builder{{"id", kBuilder + field(status, "executor")},
                      {"version", {{"domed", field(versions, "domed")}}}};
  const OrderedJson log{{"name", "job/" + field(status, "job_id") + "/log"},
                        {"digest", {{"domedChain", field(status, "digest")}}},
                        {"annotations",
                         {{"log_id", field(status, "log_id")},
                          {"head_seq", status.value("head_seq", OrderedJson())},
                          {"state", field(status, "state")}}}};
  return {{"builder", builder}, {"metadata", metadata}, {"byproducts", OrderedJson::array({log})}};
}

}  // namespace

OrderedJson slsa_statement(const OrderedJson& status) {
  const OrderedJson provenance = part(status, "provenance");
  if (provenance.empty())
    throw Error(Code::not_found,
                "no statement can be made of job " + field(status, "job_id") +
                    ", which has no provenance: " + field(status, "provenance_reason"));
  OrderedJson definition{{"buildType", kBuildType},
                         {"externalParameters", external_parameters(status)},
                         {"internalParameters", provenance},
                         {"resolvedDependencies", dependencies(provenance)}};
  return {{"_type", "https://in-toto.io/Statement/v1"},
          {"subject", subjects(status)},
          {"predicateType", "https://slsa.dev/provenance/v1"},
          {"predicate",
           {{"buildDefinition", definition}, {"runDetails", run_details(status, provenance)}}}};
}

}  // namespace domed::ctl
