#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace domed {

// One reply to StreamJobEvents, or to SearchJob.  The lines are the daemon's own bytes.
struct Page {
  std::string log_id;
  std::uint64_t first_seq = 0, head_seq = 0;
  std::string state;
  bool more = false, final = false;
  std::vector<std::string> events_urls;
  std::uint64_t looked_to = 0;          // of SearchJob
  std::vector<std::string_view> lines;  // into "bytes"

  std::string endpoint;  // the URL that it came from
  std::string bytes;     // the result they were read from
  Page() = default;
  Page(Page&&) = delete;  // would leave the lines dangling
};

// Reads "page.bytes".  Throws ApiError(E_PROTOCOL) where it is no page.
void read_page(Page& page);

}  // namespace domed
