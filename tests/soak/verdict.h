#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace domed::soak {

// Judges "history.jsonl" in "directory" by all clauses but the one named "but", and by "problems"
// that were met besides; says so, and keeps the history as "keep", unless that is empty.
bool every_clause_kept(const std::string& directory, const std::string& keep,
                       const std::vector<std::string>& problems, std::string_view but = {});

}  // namespace domed::soak
