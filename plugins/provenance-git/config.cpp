#include "config.h"

#include <algorithm>
#include <initializer_list>

#include "remote.h"

namespace domed::git {
namespace {

// One entry "section.subsection.variable LF value".  Section and variable come in
// lower case; a subsection may hold any character.
struct Entry {
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
  entry.section = key.substr(0, first);
  entry.variable = key.substr(last + 1);
  if (last > first) entry.subsection = key.substr(first + 1, last - first - 1);
  return entry;
}

// As git: a bare key is true, and so is any number but 0.
bool is_true(const Entry& entry) {
  if (!entry.has_value) return true;
  const std::string word = lower(entry.value);
  return !(word.empty() || word == "false" || word == "no" || word == "off" || word == "0");
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Digits and one of k, m, g.
bool is_size(std::string_view text) {
  if (!text.empty() && is_one_of(text.substr(text.size() - 1), {"k", "m", "g"}))
    text.remove_suffix(1);
  return !text.empty() && text.size() <= 12 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

void take_core(Config& config, const Entry& entry) {
  if (entry.variable == "filemode") config.file_mode = is_true(entry);
  if (entry.variable == "ignorecase") config.ignore_case = is_true(entry);
  if (entry.variable == "symlinks") config.symlinks = is_true(entry);
  if (entry.variable == "sparsecheckout") config.sparse = is_true(entry);
  if (entry.variable == "bare") config.bare = is_true(entry);
  if (entry.variable == "worktree") config.worktree = entry.value;
  if (entry.variable == "repositoryformatversion") config.version = entry.value;
  if (entry.variable == "autocrlf")
    config.autocrlf = entry.has_value ? lower(entry.value) : "true";
  if (entry.variable == "eol") config.eol = lower(entry.value);
  if (entry.variable == "bigfilethreshold") config.big_file_threshold = lower(entry.value);
  if (entry.variable == "sparsecheckoutcone") config.sparse_cone = is_true(entry) ? "true" : "false";
}

void take_extension(Config& config, const Entry& entry) {
  if (entry.variable == "partialclone") config.partial = true;
  if (entry.variable == "worktreeconfig") config.worktree_config = is_true(entry);
  if (entry.variable == "objectformat") config.object_format = lower(entry.value);
  const bool files = entry.variable == "refstorage" && entry.value == "files";
  if (!files && !is_one_of(entry.variable, {"noop", "noop-v1", "preciousobjects", "partialclone",
                                            "worktreeconfig", "objectformat",
                                            "relativeworktrees", "compatobjectformat"}))
    config.extensions.emplace_back(entry.variable);
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
  if (entry.section == "extensions") take_extension(config, entry);
  if (entry.section == "branch" && entry.variable == "remote") {
    config.branch_remotes[std::string(entry.subsection)] = entry.value;
  }
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

std::string Config::refusal() const {
  if (version != "0" && version != "1")
    return "git refused: core.repositoryFormatVersion is neither 0 nor 1";
  if (object_format != "sha1" && object_format != "sha256")
    return "git refused: extensions.objectFormat is neither sha1 nor sha256";
  if (version == "1" && !extensions.empty())
    return "git refused: the repository has the extension '" + extensions.front().substr(0, 64) +
           "', which is not read";
  if (!autocrlf.empty() && autocrlf.find_first_not_of("0123456789") != std::string::npos &&
      !is_one_of(autocrlf, {"input", "true", "yes", "on", "false", "no", "off"}))
    return "the repository is corrupt: core.autocrlf is none of true, false and input";
  if (bare.value_or(false) && !worktree.empty())
    return "git refused: core.bare and core.worktree do not make sense together";
  return "";
}

std::string Config::as_file() const {
  std::string out = "[core]\n\tbare = " + std::string(bare.value_or(false) ? "true" : "false") +
                    "\n\trepositoryFormatVersion = " + (object_format == "sha1" ? "0" : "1") + "\n";
  const auto put = [&](bool valid, const char* key, const std::string& value) {
    if (valid && !value.empty()) out += "\t" + std::string(key) + " = " + value + "\n";
  };
  put(true, "autocrlf", autocrlf);  // refusal() knows its words
  put(is_one_of(eol, {"lf", "crlf", "native"}), "eol", eol);
  put(is_size(big_file_threshold), "bigFileThreshold", big_file_threshold);
  put(true, "sparseCheckoutCone", sparse_cone);
  if (object_format != "sha1") out += "[extensions]\n\tobjectFormat = " + object_format + "\n";
  return out;
}

Config parse_config(std::string_view listing) {
  Config config;
  while (!listing.empty()) {
    const std::size_t end = std::min(listing.find('\0'), listing.size());
    take(config, parse_entry(listing.substr(0, end)));
    listing.remove_prefix(std::min(end + 1, listing.size()));
  }
  return config;
}

}  // namespace domed::git
