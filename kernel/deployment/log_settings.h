#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "yaml/yaml_fields.h"

namespace domed {

// The deployment's "log": the daemon's own.
struct LogSettings {
  enum class To { standard_error, file, journald };

  std::string level = "info";  // trace, debug, info, warning, error
  bool as_json = false;
  To to = To::standard_error;
  // Of To::file.
  std::filesystem::path file;                        // absolute
  std::uint64_t max_size = std::uint64_t{64} << 20;  // bytes; then a new one is begun
  std::int64_t keep = 5;                             // how many older ones are kept
};

// As the deployment names it: "stderr", "file", "journald".
std::string name_of(LogSettings::To to);

// The keys that the section may have.
extern const std::vector<std::string> kLogKeys;

// Reads the section; problems go to "check".
LogSettings read_log_settings(const YamlFields& log, Checker& check);

}  // namespace domed
