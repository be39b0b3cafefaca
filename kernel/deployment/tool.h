#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "yaml/yaml_check.h"

namespace domed {

// What a request for a tool may set beside its task; nothing unless it stands here.
struct Accepts {
  std::vector<std::string> env;    // names of variables
  std::vector<std::string> cwd;    // directories: themselves and what lies below
  std::vector<std::string> stdin;  // the same, and "bytes": given with the request
  bool tty = false;                // a terminal, whose input does not end by itself
};

// One entry of the deployment's "tools": a command that a client may name.
struct ToolSpec {
  std::string id, version, title, description;
  std::string short_description, kind;  // for lists; what sort of tool it is, in its author's words
  std::vector<std::string> command;     // argv; never empty
  std::string cwd;                      // absolute; empty: the job's scratch directory
  std::map<std::string, std::string> env;
  std::map<std::string, std::string> secret_env;  // masked in all that is stored
  std::chrono::milliseconds timeout{0};           // 0: none
  // What each of its processes may use: memory (bytes), cpu (seconds),
  // open_files, processes.  Absent: no limit.
  std::map<std::string, std::uint64_t> limits;
  std::int64_t max_attempts = 1;         // of a job and those that try it again
  std::chrono::milliseconds backoff{0};  // before the second; then twice as long each time
  Accepts accepts;
  std::vector<std::string> permissions, side_effects;
  std::string input_schema = "{}";           // JSON text, keys as written
  std::string output_schema = "{}";          // the same, of its result; for readers, not checked
  bool progress_lines = false;               // lines such as PROGRESS:0.5 are progress events, too
  std::vector<std::string> version_command;  // argv; empty: none
  // What it runs on ("python"), and the argv that prints its version.
  std::map<std::string, std::vector<std::string>> runtimes;
  std::vector<std::string> inputs;  // patterns of files below the cwd (provenance/input_files.h)
  // All of the above as RFC 8785 JSON, but for the values of "env" and "secret_env".
  std::string contract;
};

// The contract of the tool (ToolSpec::contract).
std::string contract_of(const ToolSpec& tool);

// What is known of the tool, for clients and for the jobs that keep it.  It holds the values of
// "env" and "secret_env" too.
Json descriptor_of(const ToolSpec& tool);

// Reads the list "tools"; problems go to "check".
std::vector<ToolSpec> read_tools(const YamlNode& node, Checker& check);

// "node" as JSON text: unquoted null, true, false and numbers are taken as such.
std::string to_json(const YamlNode& node);

// What a variable may be called.
bool is_variable_name(std::string_view text);

}  // namespace domed
