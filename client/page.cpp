#include "client/page.h"

#include <simdjson.h>

#include "base/json.h"
#include "protocol/api_error.h"
#include "protocol/event.h"

namespace domed {
namespace {

namespace od = simdjson::ondemand;

template <class T>
T must(simdjson::simdjson_result<T>&& result) {
  if (result.error())
    throw ApiError("E_PROTOCOL", std::string("the daemon sent a page that is none: ") +
                                     simdjson::error_message(result.error()));
  return std::forward<simdjson::simdjson_result<T>>(result).value_unsafe();
}

void read_lines(od::array events, std::vector<std::string_view>& lines) {
  for (auto item : events) {
    od::object object = must(must(std::move(item)).get_object());
    std::string_view raw = must(object.raw_json());
    raw.remove_suffix(raw.size() - raw.rfind('}') - 1);  // simdjson adds what precedes the comma
    lines.push_back(raw);
  }
}

void read_field(Page& page, std::string_view key, od::value value) {
  if (key == "log_id") page.log_id = std::string_view(must(value.get_string()));
  if (key == "state") page.state = std::string_view(must(value.get_string()));
  if (key == "first_seq") page.first_seq = must(value.get_uint64());
  if (key == "head_seq") page.head_seq = must(value.get_uint64());
  if (key == "more") page.more = must(value.get_bool());
  if (key == "final") page.final = must(value.get_bool());
  if (key == "events") read_lines(must(value.get_array()), page.lines);
  if (key == "events_urls")
    for (auto url : must(value.get_array()))
      page.events_urls.emplace_back(std::string_view(must(must(std::move(url)).get_string())));
}

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::exchange(rest, {});
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

}  // namespace

void read_page(Page& page) {
  page.bytes.reserve(page.bytes.size() + simdjson::SIMDJSON_PADDING);
  od::parser parser;
  od::document document = must(parser.iterate(page.bytes));
  for (auto item : must(document.get_object())) {
    od::field field = must(std::move(item));
    const std::string_view key = must(field.unescaped_key());
    read_field(page, key, field.value());
  }
  if (page.log_id.empty()) throw ApiError("E_PROTOCOL", "the daemon sent a page without log_id");
}

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
