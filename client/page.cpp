#include "client/page.h"

#include <simdjson.h>

#include "protocol/api_error.h"

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
  if (key == "looked_to") page.looked_to = must(value.get_uint64());
  if (key == "more") page.more = must(value.get_bool());
  if (key == "final") page.final = must(value.get_bool());
  if (key == "events") read_lines(must(value.get_array()), page.lines);
  if (key == "events_urls")
    for (auto url : must(value.get_array()))
      page.events_urls.emplace_back(std::string_view(must(must(std::move(url)).get_string())));
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

}  // namespace domed
