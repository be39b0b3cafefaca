#include <algorithm>
#include <chrono>

#include "base/units.h"
#include "domectl/context.h"
#include "domectl/table.h"

namespace domed::ctl {
namespace {

int tools(Context& context, const std::string& id) {
  // The daemon's own bytes go out with --json: what a newer one tells is shown by an older domectl,
  // and numbers and the order of keys stay.
  const std::string result = id.empty() ? context.client().call_raw("ListTools", Json::object())
                                        : context.client().call_raw("GetTool", {{"tool_id", id}});
  if (context.json) {
    put_json(out(), result);
    return 0;
  }
  // The order of keys is the daemon's: what matters comes first.
  const OrderedJson json = OrderedJson::parse(result);
  if (!id.empty()) {
    put(listing(json));
    return 0;
  }
  std::size_t width = 0;
  for (const auto& tool : json.at("tools")) width = std::max(width, field(tool, "tool_id").size());
  for (const auto& tool : json.at("tools")) {
    std::string name = field(tool, "tool_id");
    name.resize(width, ' ');
    put(name + "  " + field(tool, "version") + "  " + field(tool, "title") + "\n");
  }
  return 0;
}

std::string in_words(const OrderedJson& trouble) {
  const std::chrono::seconds lasts(trouble.value("lasts_s", std::int64_t{0}));
  return trouble.value("subject", "") +
         (lasts.count() > 0 ? ", for " + format_duration(lasts) : "") + ": " +
         trouble.value("message", "");
}

std::string verdict(bool fails, std::size_t troubles, bool draining) {
  if (draining && !fails && troubles == 0)
    return "it is well, and draining: it starts nothing more";
  if (fails) return "it keeps nothing: what is wrong with its store stands below";
  if (troubles == 0) return "it is well";
  return "it works, with " + std::to_string(troubles) +
         (troubles == 1 ? " trouble, which stands below" : " troubles, which stand below");
}

// How late one of several nodes hears of the others.
std::string watch_words(const OrderedJson& watch, std::int64_t now) {
  const auto span = [&](const char* key) {
    return format_duration(std::chrono::milliseconds(watch.value(key, std::int64_t{0})));
  };
  std::string out = watch.contains("newest_at")
                        ? "the newest notice was " + span("lag_ms") + " old when it came, " +
                              age(watch.value("newest_at", ""), now)
                        : "no notice came yet";
  if (watch.contains("deaf_ms"))
    out += "; nothing can be heard from the store for " + span("deaf_ms");
  return out;
}

// A daemon that can keep nothing answers, and is not well.
int health(Context& context, bool all) {
  OrderedJson json = OrderedJson::parse(context.client().call_raw("Health", Json::object()));
  // Two calls, and only when asked for: health is what scripts ask in a loop.
  if (all)
    json["capabilities"] =
        OrderedJson::parse(context.client().call_raw("ListCapabilities", Json::object()));
  const OrderedJson troubles = json.value("troubles", OrderedJson::array());
  const bool fails = std::any_of(troubles.begin(), troubles.end(), [](const auto& trouble) {
    return trouble.value("subject", "") == "store";
  });
  if (context.json) {
    put_json(out(), json.dump());
  } else {
    json.erase("troubles");
    const bool is_one_of_several = json.contains("watch");
    const OrderedJson watch = part(json, "watch");
    json.erase("watch");
    json.erase("passed_over");  // a trouble tells of it
    const auto disk = json.find("disk_free");
    if (disk != json.end() && disk->is_number_unsigned())
      *disk = format_size(disk->get<std::uint64_t>());
    const bool draining = part(json, "work").value("draining", false);
    // First of all, whom was asked: with several daemons that is the usual mistake.
    put(visible("endpoint  " + context.client().endpoint()) + "\n" +
        visible("verdict   " + verdict(fails, troubles.size(), draining)) + "\n" + listing(json));
    if (is_one_of_several)
      put(visible("watch     " +
                  watch_words(watch, parse_time(json.value("time", "")).value_or(0))) +
          "\n");
    for (const auto& trouble : troubles) put(visible("trouble   " + in_words(trouble)) + "\n");
  }
  return fails ? 1 : 0;
}

std::string list_of(const OrderedJson& items) {
  std::string out;
  for (const auto& item : items)
    out += (out.empty() ? "" : ", ") + (item.is_string() ? item.get<std::string>() : item.dump());
  return out;
}

// 1: not all of it holds yet.
int reload(Context& context) try {
  const std::string result = context.client().call_raw("Reload", Json::object());
  const OrderedJson json = OrderedJson::parse(result);
  const auto told = [&](const char* key) { return json.value(key, OrderedJson::array()); };
  const bool whole = told("waiting").empty() && told("failed").empty();
  if (context.json) {
    put_json(out(), result);
    return whole ? 0 : 1;
  }
  for (const auto& warning : told("warnings"))
    note(visible(warning.is_string() ? warning.get<std::string>() : warning.dump()));
  put(visible(told("taken").empty() ? "nothing is new" : "new: " + list_of(told("taken"))) + "\n");
  if (!told("waiting").empty())
    put(visible("not before a restart: " + list_of(told("waiting"))) + "\n");
  for (const auto& failure : told("failed"))
    put(visible("stays as it was: " +
                (failure.is_string() ? failure.get<std::string>() : failure.dump())) +
        "\n");
  return whole ? 0 : 1;
} catch (const ApiError& e) {
  if (context.json || e.name() != "E_INVALID_REQUEST") throw;
  note_lines(e.name() + ": " + e.what());  // every problem of the file, a line each
  return context.failure;
}

}  // namespace

void add_daemon(CLI::App& app, Context& context) {
  const auto id = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("tools", "List the deployment's tools, or show one");
  verb->add_option("ID", *id, "Show this tool in full");
  verb->callback(
      [&context, id] { context.action = [&context, id] { return tools(context, *id); }; });

  verb = app.add_subcommand("metrics", "The daemon's metrics, as Prometheus reads them");
  verb->callback([&context] {
    context.action = [&context] {
      const std::string result = context.client().call_raw("GetMetrics", Json::object());
      context.json ? put_json(out(), result) : put(Json::parse(result).value("text", ""));
      return 0;
    };
  });

  verb = app.add_subcommand(
      "reload",
      "Have the daemon read its deployment again; 1: not all of it holds before a restart");
  verb->callback([&context] { context.action = [&context] { return reload(context); }; });

  const auto all = std::make_shared<bool>(false);
  verb = app.add_subcommand("health", "Ask the daemon how it is; 1: its store keeps nothing");
  verb->add_flag("--all", *all, "Its plugins, limits and features too");
  verb->callback(
      [&context, all] { context.action = [&context, all] { return health(context, *all); }; });
}

}  // namespace domed::ctl
