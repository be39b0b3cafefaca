#include "domectl/context.h"
#include "domectl/diff_runs.h"
#include "domectl/dsse.h"
#include "domectl/reproduce.h"
#include "domectl/selection.h"
#include "domectl/slsa.h"
#include "domectl/table.h"

namespace domed::ctl {
namespace {

struct Wanted {
  std::string job, format, signer, key_id;
};

OrderedJson status_of(Context& context, const std::string& job) {
  return context.with_job(job, [&](const std::string& id) {
    return OrderedJson::parse(context.client().call_raw("GetJobStatus", {{"job_id", id}}));
  });
}

int print_statement(const OrderedJson& status, const Wanted& wanted) {
  const std::string statement = slsa_statement(status).dump();
  put_json(out(), wanted.signer.empty() ? statement
                                        : sign(statement, wanted.signer, wanted.key_id).dump());
  return 0;
}

int provenance(Context& context, Wanted wanted) {
  if (wanted.format.empty()) wanted.format = context.json ? "json" : "text";
  // Silently another form would be worse than a word: what is signed has to be what was asked for.
  if (!wanted.signer.empty() && wanted.format != "slsa")
    throw UsageError("--sign-with signs a statement: add --format slsa");
  const OrderedJson status = status_of(context, wanted.job);
  if (wanted.format == "slsa") return print_statement(status, wanted);
  OrderedJson out{{"provenance", status.value("provenance", OrderedJson("unknown"))}};
  for (const char* key : {"provenance_reason", "drift", "drift_reason"})
    if (status.contains(key)) out[key] = status[key];
  if (wanted.format == "json") {
    put_json(ctl::out(), out["provenance"].dump());
    return 0;
  }
  // People read the record's fields at the first level; drift stands beside the record in a status,
  // as it was learned later.
  OrderedJson flat = out["provenance"].is_object() ? out["provenance"] : OrderedJson(out);
  for (const char* key : {"drift", "drift_reason"})
    if (out.contains(key)) flat[key] = out[key];
  if (const auto end = status.find("provenance_end"); end != status.end())
    if (const auto moved = end->find("moved"); moved != end->end() && !moved->empty())
      flat["moved"] = *moved;
  put(listing(flat));
  return 0;
}

int reproduce(Context& context, const std::string& job) {
  const OrderedJson status = status_of(context, job);
  OrderedJson tool;
  if (status.contains("tool_id")) try {
      tool = OrderedJson::parse(context.client().call_raw(
          "GetTool", {{"tool_id", status["tool_id"].get<std::string>()}}));
    } catch (const ApiError& e) {
      if (e.name() != "E_NOT_FOUND") throw;  // then the script says that it is another now
    }
  put(reproduction(status, tool));
  return 0;
}

// As diff: 1 where they differ.
int diff_runs(Context& context, const std::string& a, const std::string& b) {
  const OrderedJson differences = run_differences(status_of(context, a), status_of(context, b));
  context.json ? put_json(out(), differences.dump()) : put(difference_text(differences));
  return differences.empty() ? 0 : 1;
}

void add_show(CLI::App& app, Context& context) {
  const auto wanted = std::make_shared<Wanted>();
  CLI::App* verb = app.add_subcommand("provenance", "Show what a job was made from");
  verb->add_option("JOB", wanted->job, kJobHelp)->required();
  verb->add_option("--format", wanted->format,
                   "text (default), json, or slsa: an in-toto statement")
      ->check(CLI::IsMember({"text", "json", "slsa"}));
  verb->add_option("--sign-with", wanted->signer,
                   "Sign the statement: CMD gets the bytes to sign and prints the signature; gives "
                   "a DSSE envelope")
      ->type_name("CMD");
  verb->add_option("--key-id", wanted->key_id, "Name of the key, for the envelope")
      ->type_name("ID");
  verb->footer(
      "Examples:\n  domectl provenance JOB --format slsa > job.intoto.json\n"
      "  domectl provenance JOB --format slsa --sign-with 'openssl pkeyutl -sign -inkey key.pem "
      "-rawin -in /dev/stdin'");
  verb->callback([&context, wanted] {
    context.action = [&context, wanted] { return provenance(context, *wanted); };
  });
}

void add_reproduce(CLI::App& app, Context& context) {
  const auto job = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand(
      "reproduce", "Print the commands that rebuild what a job was started from");
  verb->add_option("JOB", *job, kJobHelp)->required();
  verb->footer("Read them before you run them: the job's command is the last one.");
  verb->callback(
      [&context, job] { context.action = [&context, job] { return reproduce(context, *job); }; });
}

void add_diff(CLI::App& app, Context& context) {
  const auto a = std::make_shared<std::string>(), b = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand(
      "diff-runs", "Show what differs between two runs; exits 1 where anything does");
  verb->add_option("A", *a, kJobHelp)->required();
  verb->add_option("B", *b, "Another job, likewise")->required();
  verb->callback([&context, a, b] {
    context.action = [&context, a, b] { return diff_runs(context, *a, *b); };
  });
}

}  // namespace

void add_provenance(CLI::App& app, Context& context) {
  add_show(app, context);
  add_reproduce(app, context);
  add_diff(app, context);
}

}  // namespace domed::ctl
