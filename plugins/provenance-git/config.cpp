#include "config.h"

#include <algorithm>

namespace domed::git {
namespace {

// One entry "section.subsection.variable LF value".  Section and variable come in
// lower case; a subsection may hold any character.
struct Entry {
  std::string_view prefix;  // up to the last dot
  std::string_view section, subsection, variable, value;
  bool has_value = false;
};

Entry parse_entry(std::string_view text) {
  Entry entry;
  const std::size_t line = text.find('\n');
  const std::string_view key = text.substr(0, line);
  entry.has_value = line != std::string_view::npos;
  if (entry.has_value) entry.value = text.substr(line + 1);
  // A subsection may hold dots itself: the first and the last of them are the borders.
  const std::size_t first = key.find('.'), last = key.rfind('.');
  if (first == std::string_view::npos) return entry;
  entry.prefix = key.substr(0, last + 1);
  entry.section = key.substr(0, first);
  entry.variable = key.substr(last + 1);
  if (last > first) entry.subsection = key.substr(first + 1, last - first - 1);
  return entry;
}

// As git: a bare key is true, and so is any number but 0.
bool is_true(const Entry& entry) {
  if (!entry.has_value) return true;
  std::string word(entry.value);
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return !(word.empty() || word == "false" || word == "no" || word == "off" || word == "0");
}

void take_core(Config& config, const Entry& entry) {
  if (entry.variable == "filemode") config.file_mode = is_true(entry);
  if (entry.variable == "ignorecase") config.ignore_case = is_true(entry);
  if (entry.variable == "symlinks") config.symlinks = is_true(entry);
  if (entry.variable == "sparsecheckout") config.sparse = is_true(entry);
}

void take_remote(Config& config, const Entry& entry) {
  const std::string name(entry.subsection);
  // The first of several is the one that git fetches from.
  if (entry.variable == "url") config.remotes.emplace(name, entry.value);
  if (entry.variable == "promisor" && is_true(entry)) config.partial = true;
}

void take(Config& config, const Entry& entry) {
  if (entry.section == "core" && entry.subsection.empty()) take_core(config, entry);
  if (entry.section == "remote" && !entry.subsection.empty()) take_remote(config, entry);
  if (entry.section == "extensions" && entry.variable == "partialclone") config.partial = true;
  if (entry.section == "branch" && entry.variable == "remote") {
    config.branch_remotes[std::string(entry.subsection)] = entry.value;
  }
  if ((entry.section == "include" || entry.section == "includeif") && entry.variable == "path") {
    config.includes = true;
  }
  // By its whole prefix: the name may be empty, or hold dots and "=".
  if (entry.section == "filter") config.filters.emplace_back(entry.prefix);
}

}  // namespace

std::string Config::declared_meaningless() const {
  std::string out;
  const auto add = [&](bool declared, const char* setting) {
    if (declared) out += (out.empty() ? "" : ", ") + std::string(setting);
  };
  add(!file_mode, "core.fileMode=false");
  add(ignore_case, "core.ignoreCase=true");
  add(!symlinks, "core.symlinks=false");
  return out;
}

Config parse_config(std::string_view listing) {
  Config config;
  while (!listing.empty()) {
    const std::size_t end = std::min(listing.find('\0'), listing.size());
    take(config, parse_entry(listing.substr(0, end)));
    listing.remove_prefix(std::min(end + 1, listing.size()));
  }
  std::sort(config.filters.begin(), config.filters.end());
  config.filters.erase(std::unique(config.filters.begin(), config.filters.end()),
                       config.filters.end());
  return config;
}

std::vector<Setting> blank_filters(const std::vector<std::string>& filters) {
  std::vector<Setting> out;
  for (const std::string& prefix : filters) {
    for (const char* variable : {"clean", "smudge", "process"}) {
      out.push_back({prefix + variable, ""});
    }
    out.push_back({prefix + "required", "false"});
  }
  return out;
}

}  // namespace domed::git
