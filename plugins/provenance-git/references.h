#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "files.h"

namespace domed::git {

// What HEAD names.
struct Head {
  std::string ref;                // of the branch; "HEAD": detached
  std::optional<std::string> id;  // of the object
  bool unborn = false;            // no commit yet; with neither: it is damaged
};

// Reads it without git.  "packed": the text of packed-refs.  Throws Error with the reason.
Head read_head(const Directory& git_dir, const Directory& common_dir, std::string_view packed);

// Whether it is written as git writes the id of an object.
bool is_object_id(std::string_view text);

}  // namespace domed::git
