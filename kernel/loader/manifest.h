#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "loader/option_spec.h"

namespace domed {

// What a plugin says about itself in NAME.yaml, read before its library is
// opened.  docs/plugins.md is the reference.
struct Manifest {
  std::filesystem::path file;     // absolute
  std::filesystem::path library;  // absolute
  std::string name;               // equals the file's stem
  std::string kind;               // "store", "provenance"
  std::string version;
  int abi = 0;  // major
  std::string summary, license, homepage;
  std::vector<std::string> capabilities;
  std::vector<OptionSpec> options;  // in the file's order

  const OptionSpec* option(std::string_view option_name) const;
  std::vector<std::string> option_names() const;
};

// Lower-case letters, digits and hyphens: what a plugin may be called.
bool is_plugin_name(std::string_view text);

// Reads and checks a manifest.  Throws domed::Error(invalid_argument) whose text
// has every problem, one "file:line:col: text" a line, sorted by place; not_found
// or io for a file that cannot be read.
Manifest load_manifest(const std::filesystem::path& file);

}  // namespace domed
