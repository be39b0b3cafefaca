#include "client/ctl/context.h"
#include "client/ctl/slsa.h"
#include "client/ctl/table.h"

namespace domed::ctl {
namespace {

int provenance(Context& context, const std::string& job, std::string format) {
  const OrderedJson status =
      OrderedJson::parse(context.client().call_raw("GetJobStatus", {{"job_id", job}}));
  if (format.empty()) format = context.json ? "json" : "text";
  if (format == "slsa") {
    put(stdout, slsa_statement(status).dump() + "\n");
    return 0;
  }
  OrderedJson out{{"provenance", status.value("provenance", OrderedJson("unknown"))}};
  for (const char* key : {"provenance_reason", "drift", "drift_reason"})
    if (status.contains(key)) out[key] = status[key];
  if (format == "json") {
    put(stdout, out["provenance"].dump() + "\n");
    return 0;
  }
  OrderedJson flat = out["provenance"].is_object() ? out["provenance"] : OrderedJson(out);
  if (out.contains("drift")) flat["drift"] = out["drift"];
  put(stdout, listing(flat));
  return 0;
}

}  // namespace

void add_provenance(CLI::App& app, Context& context) {
  const auto job = std::make_shared<std::string>(), format = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("provenance", "Show what a job was made from");
  verb->add_option("JOB", *job, "The job's id")->required();
  verb->add_option("--format", *format, "text (default), json, or slsa: an in-toto statement")
      ->check(CLI::IsMember({"text", "json", "slsa"}));
  verb->footer("Example:\n  domectl provenance JOB --format slsa > job.intoto.json");
  verb->callback([&context, job, format] {
    context.action = [&context, job, format] { return provenance(context, *job, *format); };
  });
}

}  // namespace domed::ctl
