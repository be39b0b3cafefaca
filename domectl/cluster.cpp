#include "base/units.h"
#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/table.h"

namespace domed::ctl {
namespace {

constexpr const char* kFeature = "cluster";

struct Given {
  std::string file;
  std::optional<std::uint64_t> revision;
};

// What was seen last is what is replaced: of two who do it at once one is refused, and looks.
int apply(Context& context, const Given& given) try {
  context.must_know(kFeature, "domectl cluster");
  Json params{{"text", read_all(given.file)}, {"file", given.file}};
  params["revision"] =
      given.revision
          ? Json(*given.revision)
          : Json::parse(context.client().call_raw("GetCluster", Json::object())).at("revision");
  const std::string result = context.client().call_raw("ApplyCluster", params);
  if (context.json)
    put_json(out(), result);
  else
    put(visible("revision " + field(OrderedJson::parse(result), "revision") +
                " is applied; 'domectl nodes' tells which one each node acts on") +
        "\n");
  return 0;
} catch (const ApiError& e) {
  if (context.json || e.name() != "E_INVALID_REQUEST") throw;
  note_lines(e.name() + ": " + e.what());  // every problem of the file, a line each
  return context.failure;
}

// What goes out is a file again, that can be changed and applied.
int show(Context& context) {
  context.must_know(kFeature, "domectl cluster");
  const std::string result = context.client().call_raw("GetCluster", Json::object());
  if (context.json) {
    put_json(out(), result);
    return 0;
  }
  const OrderedJson json = OrderedJson::parse(result);
  if (json.value("revision", 0) == 0) {
    put("# nothing was applied: each node's own deployment holds\n");
    return 0;
  }
  put("# revision " + field(json, "revision") + ", applied at " + field(json, "at") + " by " +
      field(json, "by") + " from " + field(json, "file") + "\n");
  const std::string text = json.value("text", "");
  for (std::size_t begin = 0, end; begin < text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    put(visible(text.substr(begin, end - begin)) + "\n");
  }
  return 0;
}

}  // namespace

void add_cluster(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand("cluster", "What all nodes of the store hold to");
  verb->require_subcommand(1);
  const auto given = std::make_shared<Given>();
  CLI::App* one = verb->add_subcommand(
      "apply", "Put a file of settings into the store; - for what domectl itself reads");
  one->add_option("FILE", given->file, "Sections cluster, retention, mask and jobs.queues")
      ->required();
  one->add_option("--revision", given->revision,
                  "The one that it replaces (default: the newest); refused where there is another")
      ->type_name("N");
  one->callback(
      [&context, given] { context.action = [&context, given] { return apply(context, *given); }; });
  one = verb->add_subcommand("show", "The settings that were applied last");
  one->callback([&context] { context.action = [&context] { return show(context); }; });
}

}  // namespace domed::ctl
