// A frame's bytes, from a daemon that may be another program: what is taken is of the topic, and
// its lines are those of the message.  (Whether a line is the next one, it says itself:
// FollowState.)
#include <cstdint>
#include <cstdlib>

#include "protocol/frame.h"

namespace domed {
namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view message) {
  const std::string topic = "job/a\n";
  Frame frame;
  if (!read_frame(message, topic, frame)) return;
  must(frame.daemon ? message.starts_with("daemon\n") : message.starts_with(topic));
  if (frame.daemon) return;
  std::size_t bytes = 0;
  for (const std::string_view line : frame.lines) {
    must(line.data() >= message.data() &&
         line.data() + line.size() <= message.data() + message.size());
    bytes += line.size();
  }
  must(bytes <= message.size());
}

}  // namespace
}  // namespace domed

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Once as it came, and once behind the topic, which is rarely hit by chance.
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  domed::check(bytes);
  domed::check("job/a\n" + std::string(bytes));
  return 0;
}
