#include "protocol/frame.h"

#include <utility>

#include "base/json.h"
#include "protocol/event.h"

namespace domed {
namespace {

// A last line that was cut off counts as one: it is no line of the log, which the follower
// sees when it reads it.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::exchange(rest, {});
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

}  // namespace

// What is no frame is dropped without a word: it is as good as lost, and a page will tell.
bool read_frame(std::string_view message, std::string_view topic, Frame& frame) {
  frame = {};
  frame.daemon = message.starts_with(kDaemonTopic);
  if (!frame.daemon && !message.starts_with(topic)) return false;
  message.remove_prefix(frame.daemon ? kDaemonTopic.size() : topic.size());
  const Json header = Json::parse(take_line(message), nullptr, false);
  if (!header.is_object()) return false;
  frame.epoch = text_at(header, "epoch");
  if (frame.daemon) return true;
  frame.log_id = text_at(header, "log_id");
  frame.state = text_at(header, "state");
  frame.first = number_at(header, "first");
  frame.head = number_at(header, "head");
  while (!message.empty()) frame.lines.push_back(take_line(message));
  return true;
}

}  // namespace domed
