#pragma once

#include <string_view>

namespace domed::console {

// A file of the page, as it was built (page/embed.mjs writes the table).
struct Asset {
  std::string_view path;  // "/assets/index-1a2b.js"; "/index.html" is the page itself
  std::string_view type, etag;
  std::string_view plain, gzip;
};

// Null: there is none at "path".
const Asset* find_asset(std::string_view path);

}  // namespace domed::console
