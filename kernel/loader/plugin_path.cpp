#include "loader/plugin_path.h"

#include <map>

#include "domed/error.h"
#include "loader/manifest.h"

namespace domed {

namespace fs = std::filesystem;

std::vector<fs::path> plugin_dirs(const std::vector<std::string>& entries, const fs::path& base,
                                  const fs::path& installation) {
  std::vector<fs::path> out;
  for (const fs::path entry : entries) {
    if (entry.is_absolute()) {
      out.push_back(entry.lexically_normal());
      continue;
    }
    out.push_back((fs::absolute(base) / entry).lexically_normal());
    if (installation.empty()) continue;
    out.push_back((installation / entry).lexically_normal());
    out.push_back((installation / DOMED_LIBDIR / "domed" / entry).lexically_normal());
  }
  return out;
}

std::vector<fs::path> find_plugins(const std::vector<fs::path>& dirs) {
  std::map<std::string, fs::path> found;
  for (const auto& dir : dirs) {
    std::error_code error;
    for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error))
      // emplace() leaves the first one it was given: that of the earlier directory.
      if (it->path().extension() == ".yaml") found.emplace(it->path().stem().string(), it->path());
  }
  std::vector<fs::path> out;
  for (auto& [name, path] : found) out.push_back(path);
  return out;
}

fs::path find_plugin(const std::string& name, const std::vector<fs::path>& dirs) {
  // The name comes from a file; it must not lead out of the directories.
  if (!is_plugin_name(name))
    throw Error(Code::invalid_argument,
                in_quotes(name) + " is no plugin's name: lower-case letters, digits and hyphens");
  std::error_code error;
  for (const auto& dir : dirs)
    if (const fs::path file = dir / (name + ".yaml"); fs::exists(file, error)) return file;
  std::string looked, there;
  std::vector<std::string> names;
  for (const auto& dir : dirs) looked += (looked.empty() ? "" : ", ") + dir.string();
  for (const auto& path : find_plugins(dirs)) names.push_back(path.stem().string());
  for (const auto& other : names) there += (there.empty() ? "" : ", ") + other;
  throw Error(Code::not_found, "no plugin " + in_quotes(name) + did_you_mean(name, names) +
                                   "; looked for " + name + ".yaml in " +
                                   (looked.empty() ? "no directory" : looked) +
                                   "; found there: " + (there.empty() ? "no plugin" : there));
}

}  // namespace domed
