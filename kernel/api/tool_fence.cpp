#include "api/tool_fence.h"

#include <algorithm>
#include <filesystem>

#include "domed/error.h"
#include "protocol/api_error.h"
#include "system/found_path.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 500ms;  // with a file system that does not answer

std::string list_of(const Json& accepted) {
  if (!accepted.is_array()) return "none";
  std::string out;
  for (const auto& item : accepted)
    out += (out.empty() ? "" : ", ") + item.get_ref<const std::string&>();
  return out.empty() ? "nothing" : out;
}

[[noreturn]] void deny(const std::string& field, const std::string& what,
                       const std::string& tool_id, const Json& accepted) {
  throw ApiError("E_POLICY_DENIED",
                 "'" + field + "': the tool '" + tool_id + "' does not accept " + what +
                     ": it accepts " + list_of(accepted) + " ('accepts." +
                     (field == "secret_env" ? "env" : field.substr(0, field.find('.'))) +
                     "' of the tool in the deployment)",
                 {{"field", field}, {"accepts", accepted}});
}

// As the deployment has it, and as it is: who asks may know either.
bool is_written_in(const std::string& path, const std::string& directory) {
  std::error_code ignored;
  return is_written_below(path, directory) ||
         is_written_below(path, std::filesystem::weakly_canonical(directory, ignored));
}

bool is_written_in_one_of(const std::string& path, const std::vector<std::string>& directories) {
  return std::any_of(directories.begin(), directories.end(),
                     [&](const auto& directory) { return is_written_in(path, directory); });
}

std::vector<std::string> directories_in(const Json& accepted) {
  std::vector<std::string> out;
  for (const auto& item : accepted)
    if (const auto& text = item.get_ref<const std::string&>(); text.starts_with('/'))
      out.push_back(text);
  return out;
}

}  // namespace

void ToolFence::check(const JobFixed& job, const Json& tool) const {
  const Json accepts = tool.value("accepts", Json::object());
  const auto accepted = [&](const char* key) { return accepts.value(key, Json::array()); };
  const auto has = [](const Json& list, const std::string& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
  };
  const std::string tool_id = job.tool_id();
  const Json names = accepted("env");
  for (const char* key : {"env", "secret_env"}) {
    const Json env = job.request.value(key, Json::object());
    for (const auto& item : env.items())
      if (!has(names, item.key())) deny(key, "the variable '" + item.key() + "'", tool_id, names);
  }
  const std::string cwd = job.request.value("cwd", "");
  if (!cwd.empty()) check_path(cwd, "cwd", tool_id, accepted("cwd"));
  const Json input = job.request.value("stdin", Json::object()), from = accepted("stdin");
  if (input.contains("b64") && !has(from, "bytes")) deny("stdin.b64", "bytes", tool_id, from);
  if (input.contains("path"))
    check_path(input.at("path").get<std::string>(), "stdin.path", tool_id, from);
  // Not for how it looks: where others read the end of /dev/null, a terminal has them wait.
  if (job.request.contains("tty") && accepts.value("tty", Json()) != true)
    deny("tty", "a terminal", tool_id, false);
}

// Only what is written as lying in an accepted directory is looked at: who may not read the
// daemon's machine learns nothing of it here.
void ToolFence::check_path(const std::string& path, const std::string& field,
                           const std::string& tool_id, const Json& accepted) const {
  const auto directories = directories_in(accepted);
  const bool written = !goes_up(path) && is_written_in_one_of(path, directories);
  if (!written || leads_elsewhere(path, directories))
    deny(field, "'" + path + "'", tool_id, accepted);
}

// Of what is not there yet the part that is counts; what does not answer is left to the runner.
bool ToolFence::leads_elsewhere(const std::string& path,
                                const std::vector<std::string>& directories) const {
  // Copies, for a look that is late goes on when this has returned (provenance/guarded_call.h).
  const auto look = [path, directories]() -> std::string {
    for (std::filesystem::path part = path; is_written_in_one_of(part, directories);
         part = part.parent_path())
      try {
        return FoundPath(part).is_in_one_of(directories) ? "in" : "out";
      } catch (const Error& e) {
        if (e.code() != Code::not_found || part == part.parent_path()) throw;
      }
    return "in";
  };
  try {
    return look_(look, kPatience) == "out";
  } catch (const Error& e) {
    // What FoundPath never follows: somebody else's link, or anything in a procfs.
    return e.code() == Code::invalid_argument;
  }
}

}  // namespace domed
