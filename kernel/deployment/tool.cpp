#include "deployment/tool.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <regex>

#include "base/command_template.h"
#include "base/json.h"
#include "base/json_schema.h"
#include "base/units.h"
#include "search/masks.h"
#include "system/found_path.h"
#include "yaml/yaml_fields.h"

namespace domed {
namespace {

using std::chrono::hours;

OrderedJson json_scalar(const YamlNode& node) {
  // As the YAML core schema has them.  Not strtod alone: it takes "inf", "nan" and "0x10", of
  // which JSON has none.
  static const std::regex kReal(R"([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)");
  // Quotes are how a person says "text": "1.10" stays a version.
  if (node.quoted) return node.text;
  if (const auto value = parse_boolean(node.text)) return *value;
  if (const auto value = parse_integer(node.text)) return *value;
  if (node.text.size() <= 64 && std::regex_match(node.text, kReal)) {
    const double value = std::strtod(node.text.c_str(), nullptr);
    if (std::isfinite(value)) return value;
  }
  return node.text;
}

OrderedJson json_value(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::scalar:
      return json_scalar(node);
    case YamlNode::Kind::list: {
      OrderedJson out = OrderedJson::array();
      for (const auto& item : node.items) out.push_back(json_value(item));
      return out;
    }
    case YamlNode::Kind::map: {
      OrderedJson out = OrderedJson::object();
      for (std::size_t i = 0; i < node.keys.size(); ++i)
        out[node.keys[i].text] = json_value(node.items[i]);
      return out;
    }
    case YamlNode::Kind::null:
      break;
  }
  return nullptr;
}

bool is_tool_id(const std::string& text) {
  static const std::regex kId("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  return text.size() <= 128 && std::regex_match(text, kId);
}

// Why "pattern" cannot name files below a working directory; empty: it can.
std::string input_pattern_problem(const std::string& pattern) {
  if (pattern.empty() || pattern.front() == '/') return "must be a relative path";
  if (pattern.size() > 1024) return "is longer than 1024 bytes";
  for (std::size_t begin = 0; begin <= pattern.size();) {
    const std::size_t end = std::min(pattern.find('/', begin), pattern.size());
    const std::string part = pattern.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return "must not hold '.', '..' or '//'";
    // Elsewhere it would mean no more than "*", which is not what is meant by who writes it.
    if (part != "**" && part.find("**") != std::string::npos)
      return "may hold '**' only as a whole part, as in 'src/**/*.c'";
    begin = end + 1;
  }
  return "";
}

class ToolReader {
 public:
  ToolReader(Checker& check, const YamlNode& node, std::size_t index)
      : check_(check), fields_(check, node, "tools[" + std::to_string(index) + "]", kKeys) {}

  ToolSpec run() {
    ToolSpec tool;
    tool.id = read_id();
    tool.version = fields_.text("version", "");
    tool.title = fields_.text("title", tool.id);
    tool.description = fields_.text("description", "");
    // Reported here when it is absent; how it must look is said by read_command().
    fields_.need("command");
    tool.command = read_command();
    tool.cwd = read_cwd();
    tool.env = read_env("env");
    tool.secret_env = read_env("secret_env");
    check_secrets(tool);
    tool.timeout = fields_.duration("timeout", hours(24 * 365), tool.timeout);
    tool.limits = read_limits();
    read_retry(tool);
    tool.accepts = read_accepts();
    tool.permissions = fields_.texts("permissions", {});
    tool.side_effects = fields_.texts("side_effects", {});
    tool.short_description = read_short_description();
    tool.kind = read_kind();
    tool.input_schema = read_schema("input_schema");
    tool.output_schema = read_schema("output_schema");
    tool.progress_lines = fields_.boolean("progress_lines", tool.progress_lines);
    tool.version_command = read_argv(fields_, "version_command");
    tool.runtimes = read_runtimes();
    tool.inputs = read_inputs();
    tool.contract = contract_of(tool);
    return tool;
  }

 private:
  static inline const std::vector<std::string> kKeys{"id",
                                                     "version",
                                                     "title",
                                                     "description",
                                                     "command",
                                                     "cwd",
                                                     "env",
                                                     "secret_env",
                                                     "timeout",
                                                     "limits",
                                                     "permissions",
                                                     "side_effects",
                                                     "input_schema",
                                                     "version_command",
                                                     "runtimes",
                                                     "inputs",
                                                     "retry",
                                                     "accepts",
                                                     "short_description",
                                                     "kind",
                                                     "output_schema",
                                                     "progress_lines"};

  std::string read_id() {
    std::string id = fields_.text("id");
    if (!id.empty() && !is_tool_id(id))
      check_.fail(*fields_.find("id"), fields_.subject("id") +
                                           " must be letters, digits and . _ - (at most 128), is " +
                                           in_quotes(id));
    return id;
  }

  std::vector<std::string> read_argv(const YamlFields& fields, const std::string& key) {
    const YamlNode* node = fields.find(key);
    auto argv = fields.texts(key, {});
    if (node && node->kind == YamlNode::Kind::list && (argv.empty() || argv[0].empty()))
      check_.fail(*node, fields.subject(key) + " must name a program: [PROGRAM, ARGUMENT, ...]");
    return argv;
  }

  std::vector<std::string> read_command() {
    const auto argv = read_argv(fields_, "command");
    const YamlNode* node = fields_.find("command");
    for (std::size_t i = 0; i < argv.size(); ++i)
      if (const std::string problem = template_problem(argv[i]); !problem.empty())
        check_.fail(node->items.at(i),
                    fields_.subject("command") + ": " + in_quotes(argv[i]) + ": " + problem);
    return argv;
  }

  std::map<std::string, std::vector<std::string>> read_runtimes() {
    std::map<std::string, std::vector<std::string>> out;
    const YamlNode* node = read_map("runtimes");
    if (!node) return out;
    const YamlFields runtimes(check_, *node, fields_.subject("runtimes"), {});
    for (const auto& key : node->keys) {
      // In the record NAME_reason says why NAME is unknown (docs/provenance.md), and would be
      // overwritten.
      if (!is_tool_id(key.text) || key.text.ends_with("_reason"))
        check_.fail(key, runtimes.subject(key.text) +
                             ": a runtime's name is letters, digits and "
                             ". _ -, and does not end in _reason");
      auto argv = read_argv(runtimes, key.text);
      if (!argv.empty()) out[key.text] = std::move(argv);
    }
    return out;
  }

  std::vector<std::string> read_inputs() {
    for (const YamlNode* item : fields_.items("inputs")) {
      const std::string problem = input_pattern_problem(item->text);
      if (!problem.empty())
        check_.fail(*item,
                    fields_.subject("inputs") + ": " + in_quotes(item->text) + " " + problem);
    }
    return fields_.texts("inputs", {});
  }

  std::string read_cwd() {
    std::string cwd = fields_.text("cwd", "");
    if (!cwd.empty() && cwd[0] != '/')
      check_.fail(*fields_.find("cwd"),
                  fields_.subject("cwd") + " must be an absolute path, is " + in_quotes(cwd));
    return cwd;
  }

  const YamlNode* read_map(const char* key) {
    const YamlNode* node = fields_.find(key);
    if (!node || node->kind == YamlNode::Kind::null) return nullptr;
    if (node->kind == YamlNode::Kind::map) return node;
    check_.fail(*node, fields_.subject(key) + " must be a map (key: value)");
    return nullptr;
  }

  // It stands in lists, beside others.
  std::string read_short_description() {
    const std::string text = fields_.text("short_description", "");
    if (text.size() > 200 || text.find('\n') != std::string::npos)
      check_.fail(*fields_.find("short_description"),
                  fields_.subject("short_description") + " must be one line of at most 200 bytes");
    return text;
  }

  std::string read_kind() {
    std::string kind = fields_.text("kind", "");
    if (!kind.empty() && !is_tool_id(kind))
      check_.fail(
          *fields_.find("kind"),
          fields_.subject("kind") + " must be letters, digits and . _ -, is " + in_quotes(kind));
    return kind;
  }

  std::string read_schema(const char* key) {
    const YamlNode* node = read_map(key);
    if (!node) return "{}";
    // As its author wrote it, key order included, for clients that show it; checked now, so that no
    // job finds out that the schema is none.
    std::string schema = to_json(*node);
    const std::string problem = schema_problem(Json::parse(schema), fields_.subject(key));
    if (problem.empty()) return schema;
    check_.fail(*node, problem);
    return "{}";
  }

  std::map<std::string, std::uint64_t> read_limits() {
    std::map<std::string, std::uint64_t> out;
    const YamlNode* node = read_map("limits");
    if (!node) return out;
    const YamlFields limits(check_, *node, fields_.subject("limits"),
                            {"memory", "cpu", "open_files", "processes"});
    const auto add = [&](const char* key, std::uint64_t value) {
      if (limits.find(key) && value > 0) out[key] = value;
    };
    add("memory", limits.size("memory", 1 << 20, std::uint64_t{1} << 60, 0));
    const auto cpu = limits.duration("cpu", hours(24 * 365), std::chrono::milliseconds(0));
    // RLIMIT_CPU knows whole seconds: rounded up, or 500ms would be "no limit".
    add("cpu", static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(cpu).count()));
    for (const char* key : {"open_files", "processes"})
      add(key, static_cast<std::uint64_t>(limits.integer(key, 1, 1 << 30, 0)));
    return out;
  }

  Accepts read_accepts() {
    Accepts out;
    const YamlNode* node = read_map("accepts");
    if (!node) return out;
    const YamlFields accepts(check_, *node, fields_.subject("accepts"),
                             {"env", "cwd", "stdin", "tty"});
    for (const YamlNode* item : accepts.items("env"))
      // DOMED_* tell a command which job it is and with what it may speak for that job; what
      // belongs to a run is found by them.  No request may say otherwise.
      if (!is_variable_name(item->text) || item->text.starts_with("DOMED_"))
        check_.fail(*item, accepts.subject("env") + ": " + in_quotes(item->text) +
                               " is no variable that a request may set: letters, digits and _, "
                               "and not DOMED_ at its beginning");
    for (const char* key : {"cwd", "stdin"})
      for (const YamlNode* item : accepts.items(key))
        if (key != std::string_view("stdin") || item->text != "bytes")
          check_directory(*item, accepts.subject(key), key);
    out.env = accepts.texts("env", {});
    out.cwd = accepts.texts("cwd", {});
    out.stdin = accepts.texts("stdin", {});
    out.tty = accepts.boolean("tty", false);
    return out;
  }

  void check_directory(const YamlNode& item, const std::string& subject, std::string_view key) {
    // By its text alone: the directory may not be there yet.  Where it leads to is looked at when a
    // request names a path, and once more by the runner, through descriptors (system/found_path.h).
    if (item.text.starts_with('/') && !goes_up(item.text) &&
        item.text.find('\0') == std::string::npos)
      return;
    check_.fail(item, subject + ": " + in_quotes(item.text) + " must be " +
                          (key == "stdin" ? "'bytes' or " : "") +
                          "an absolute path without '..': what lies below it is accepted");
  }

  void read_retry(ToolSpec& tool) {
    const YamlNode* node = read_map("retry");
    if (!node) return;
    const YamlFields retry(check_, *node, fields_.subject("retry"), {"max_attempts", "backoff"});
    tool.max_attempts = retry.integer("max_attempts", 1, 100);
    tool.backoff = retry.duration("backoff", hours(1), tool.backoff);
  }

  std::map<std::string, std::string> read_env(const char* which) {
    std::map<std::string, std::string> out;
    const YamlNode* node = read_map(which);
    if (!node) return out;
    const YamlFields env(check_, *node, fields_.subject(which), {});
    for (const auto& key : node->keys) {
      if (!is_variable_name(key.text))
        check_.fail(key, env.subject(key.text) + ": a variable's name is letters, digits and _");
      out[key.text] = env.text(key.text, "");
    }
    return out;
  }

  void check_secrets(const ToolSpec& tool) {
    const YamlNode* node = fields_.find("secret_env");
    for (const auto& [name, value] : tool.secret_env) {
      if (value.size() < kShortestSecret)
        check_.fail(*node, fields_.subject("secret_env") + "." + name + " has less than " +
                               std::to_string(kShortestSecret) +
                               " bytes, too few to be masked in output");
      if (tool.env.contains(name))
        check_.fail(*node, fields_.subject("secret_env") + "." + name + " stands in 'env' too");
    }
  }

  Checker& check_;
  YamlFields fields_;
};

}  // namespace

std::string to_json(const YamlNode& node) {
  return json_value(node).dump();
}

bool is_variable_name(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && text.size() <= 256 && letter(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::vector<ToolSpec> read_tools(const YamlNode& node, Checker& check) {
  std::vector<ToolSpec> out;
  if (node.kind == YamlNode::Kind::null) return out;
  if (node.kind != YamlNode::Kind::list) {
    check.fail(node, "tools must be a list of maps");
    return out;
  }
  std::map<std::string, int> lines;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    out.push_back(ToolReader(check, node.items[i], i).run());
    const YamlNode* id = node.items[i].find("id");
    if (!id || id->bad || out.back().id.empty()) continue;
    const auto [first, fresh] = lines.emplace(out.back().id, id->line);
    if (!fresh)
      check.fail(*id, "duplicate tool id " + in_quotes(id->text) + ", first given in line " +
                          std::to_string(first->second));
  }
  return out;
}

}  // namespace domed
