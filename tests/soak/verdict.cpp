#include "verdict.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "clause.h"

namespace domed::soak {

bool every_clause_kept(const std::string& directory, const std::string& keep,
                       const std::vector<std::string>& problems, std::string_view but) {
  const std::string file = directory + "/history.jsonl";
  if (!keep.empty())
    std::filesystem::copy_file(file, keep, std::filesystem::copy_options::overwrite_existing);
  history::History history;
  std::ifstream in(file);
  history.read(in, "history");
  history.finish();
  std::string broken = history::report(history, but);
  for (const auto& text : problems) broken += text + "\n";
  std::printf("%s%zu records: %s\n", broken.c_str(), history.records().size(),
              broken.empty() ? "every clause kept" : "FAILED");
  return broken.empty();
}

}  // namespace domed::soak
