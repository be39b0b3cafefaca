#include "deployment/log_settings.h"

#include "base/words.h"
#include "system/trusted_path.h"

namespace domed {
namespace {

// Who can put something else in its place has the daemon write where they like.
void check_file(const YamlFields& log, const LogSettings& out, Checker& check) {
  const YamlNode* node = log.find("file");
  if (out.to != LogSettings::To::file) {
    for (const char* key : {"file", "max_size", "keep"})
      if (const YamlNode* given = log.find(key))
        check.fail(*given,
                   log.subject(key) + " is of 'to: file' alone, and log.to is " + name_of(out.to));
    return;
  }
  if (!node) {
    log.need("file");
  } else if (!out.file.is_absolute() || !out.file.has_filename()) {
    check.fail(*node,
               "log.file must be the absolute path of a file, is " + in_quotes(out.file.string()));
  } else if (!std::filesystem::is_directory(out.file.parent_path())) {
    check.fail(*node, "log.file: there is no directory " + out.file.parent_path().string());
  } else if (const auto why = weakness_of(out.file.parent_path())) {
    check.fail(*node,
               "log.file could be replaced by others: " + *why + ": use a directory of your own");
  }
}

}  // namespace

std::string name_of(LogSettings::To to) {
  if (to == LogSettings::To::file) return "file";
  return to == LogSettings::To::journald ? "journald" : "stderr";
}

const std::vector<std::string> kLogKeys{"level", "format", "to", "file", "max_size", "keep"};

LogSettings read_log_settings(const YamlFields& log, Checker& check) {
  LogSettings out;
  out.level = log.choice("level", {"trace", "debug", "info", "warning", "error"}, out.level);
  out.as_json = log.choice("format", {"text", "json"}, "text") == "json";
  const std::string to = log.choice("to", {"stderr", "file", "journald"}, "stderr");
  for (const auto one : {LogSettings::To::file, LogSettings::To::journald})
    if (to == name_of(one)) out.to = one;
  out.file = log.text("file", "");
  out.max_size = log.size("max_size", 64 << 10, std::uint64_t{1} << 40, out.max_size);
  out.keep = log.integer("keep", 0, 1000, out.keep);
  check_file(log, out, check);
  return out;
}

}  // namespace domed
