#include <cstdio>
#include <memory>

#include "base/units.h"
#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/interrupt.h"
#include "domectl/output_file.h"
#include "domectl/terminal.h"
#include "domed/support/hash.h"

namespace domed::ctl {
namespace {

// How far it is, on a terminal, over itself.
void show(const std::string& text) {
  if (is_terminal(STDERR_FILENO)) {
    const std::string line = "\r\x1b[K" + text;
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
}

Json ask(Context& context, Json params, const StopBySignal& stop) {
  params["wait_ms"] = 500;
  CallOptions options;
  options.stop = stop.token();
  return context.client().call("Backup", params, options);
}

// The daemon's copy is of one moment; only the fetching takes pages.
int backup(Context& context, const std::string& path) {
  OutputFile file(path, OutputFile::Holds::secrets);
  if (is_terminal(file.output().fd()))
    throw UsageError("a backup is bytes for a file, not for a terminal: name one");
  context.client();  // before the signals are taken
  const StopBySignal stop;
  Json page = ask(context, Json::object(), stop);
  const std::string id = page.at("backup_id").get<std::string>();
  while (!page.at("ready").get<bool>()) {
    show("copying: " + format_size(page.value("done", std::uint64_t{0})) + " of " +
         format_size(page.value("bytes", std::uint64_t{0})));
    page = ask(context, {{"backup_id", id}}, stop);
  }
  const auto total = page.at("bytes").get<std::uint64_t>();
  std::uint64_t had = 0;
  for (;;) {
    std::string bytes;
    if (page.value("from", std::uint64_t{0}) != had || !from_base64(page.value("b64", ""), bytes))
      throw ApiError("E_PROTOCOL", "the daemon sent a page of the backup that is none");
    if (bytes.empty()) break;
    file.output().put(bytes);
    had += bytes.size();
    show("fetching: " + format_size(had) + " of " + format_size(total));
    page = ask(context, {{"backup_id", id}, {"from", had}}, stop);
  }
  if (had != total)
    throw ApiError("E_PROTOCOL",
                   "the backup has " + std::to_string(had) + " bytes of " + std::to_string(total));
  file.commit();
  show("");
  if (context.json)
    put_json(out(), OrderedJson{{"file", path}, {"bytes", had}}.dump());
  else if (path != "-")
    put(visible(path) + ": " + format_size(had) + "\n");
  return 0;
}

}  // namespace

void add_backup(CLI::App& app, Context& context) {
  const auto path = std::make_shared<std::string>();
  CLI::App* verb =
      app.add_subcommand("backup", "Copy the daemon's store into a file, while it goes on");
  verb->add_option("FILE", *path, "Where to; - is standard output")->required();
  verb->footer(
      "The copy is of one moment, whole, and in the form of the store's own plugin.  It holds the\n"
      "jobs' secrets too, so that a new FILE is closed to others (0600).\n"
      "'domed --restore FILE' puts it back.");
  verb->callback(
      [&context, path] { context.action = [&context, path] { return backup(context, *path); }; });
}

}  // namespace domed::ctl
