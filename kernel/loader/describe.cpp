#include "loader/describe.h"

#include <sstream>

#include "domed/error.h"
#include "loader/loader.h"

namespace domed {
namespace {

std::string indented(const std::string& text, const std::string& prefix) {
  std::istringstream in(text);
  std::string out;
  for (std::string line; std::getline(in, line);) out += prefix + line + '\n';
  return out;
}

std::string describe_plugin(const std::filesystem::path& file) {
  std::string out = file.stem().string();
  try {
    const Manifest manifest = load_manifest(file);
    // From the manifest alone, before the library is opened: of a plugin that cannot be used it is
    // still told what it would be.
    out += " " + manifest.version + " (" + manifest.kind + ")\n" + indented(manifest.summary, "  ");
    const Plugin plugin(manifest);
    return out + "  " + file.string() + "\n";
  } catch (const Error& e) {
    if (out.back() != '\n') out += '\n';
    return out + "  UNUSABLE\n" + indented(e.what(), "  ");
  }
}

std::string comment(const OptionSpec& spec, const std::string& margin) {
  std::string out = indented(spec.description, margin + "# ");
  std::string facts = describe_type(spec);
  facts += spec.required ? "; required" : "; default " + write_option(*spec.default_value);
  if (spec.secret) facts += "; secret";
  out += margin + "# " + facts + "\n";
  if (spec.example) out += margin + "# example: " + write_option(*spec.example, true) + "\n";
  if (!spec.deprecated.empty()) out += indented("deprecated: " + spec.deprecated, margin + "# ");
  return out;
}

std::string explain_option(const OptionSpec& spec, const std::string& margin) {
  // What is printed is pasted (Describe.ExplanationCanBePasted), and shall not bring into use what
  // is to go away. Where it is required it has to stand there all the same.
  const bool hidden = !spec.deprecated.empty() && !spec.required;
  std::string line = margin + (hidden ? "# " : "") + spec.name + ": ";
  if (spec.default_value)
    line += write_option(*spec.default_value, true);
  else if (spec.example)
    line += write_option(*spec.example, true);
  else
    line += "\"\"  # fill in";
  return comment(spec, margin) + line + "\n";
}

}  // namespace

std::string list_plugins(const std::vector<std::filesystem::path>& dirs) {
  std::string out;
  for (const auto& file : find_plugins(dirs))
    out += (out.empty() ? "" : "\n") + describe_plugin(file);
  if (!out.empty()) return out;
  std::string looked;
  for (const auto& dir : dirs) looked += "  " + dir.string() + "\n";
  return "no plugins; looked in\n" + looked;
}

std::string explain(const Manifest& m) {
  std::string out = "# " + m.name + " " + m.version + " (" + m.kind + "), " + m.license + "\n";
  out += indented(m.summary, "# ");
  if (!m.homepage.empty()) out += indented(m.homepage, "# ");
  std::string able;
  for (const auto& capability : m.capabilities) able += (able.empty() ? "" : ", ") + capability;
  if (!able.empty()) out += indented("capabilities: " + able, "# ");
  const bool listed = m.kind == "provenance";
  const std::string margin = listed ? "    " : "  ";
  out += m.kind + ":\n" + (listed ? "  - " : "  ") + "plugin: " + m.name + "\n";
  if (listed) out += margin + "timeout: 2s  # how long a job's start waits for it\n";
  if (m.options.empty()) return out;
  out += margin + "options:\n";
  for (const auto& spec : m.options) out += explain_option(spec, margin + "  ");
  return out;
}

}  // namespace domed
