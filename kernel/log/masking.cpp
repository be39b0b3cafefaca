#include "log/masking.h"

#include "log/token.h"
#include "protocol/api_error.h"

namespace domed {
namespace {

void add_values(const Json& from, std::vector<std::string>& out) {
  if (!from.is_object() || !from.contains("secret_env")) return;
  for (const auto& value : from.at("secret_env"))
    if (value.is_string()) out.push_back(value.get<std::string>());
}

// Compact JSON, which compact_json() made, with its strings and numbers masked: what stands between
// them is passed on, so that nothing else changes.
class MaskedJson {
 public:
  MaskedJson(std::string_view json, const Masks& masks, bool is_log, std::uint64_t& count)
      : json_(json), masks_(masks), is_log_(is_log), count_(count) {}

  std::string run() {
    for (at_ = 0; at_ < json_.size();) {
      const char c = json_[at_];
      if (c == '"')
        string();
      else if (c == '-' || (c >= '0' && c <= '9'))
        number();
      else
        out_ += json_[at_++];
    }
    return std::move(out_);
  }

 private:
  void string() {
    std::size_t end = at_ + 1;
    for (; json_[end] != '"'; ++end)
      if (json_[end] == '\\') ++end;
    ++end;
    const std::string_view literal = json_.substr(at_, end - at_);
    const bool is_key = end < json_.size() && json_[end] == ':';
    const std::string text = Json::parse(literal).get<std::string>();
    const std::uint64_t before = count_;
    const std::string masked =
        is_log_ && !is_key && key_ == "b64" ? masked_bytes(text) : masks_.masked(text, count_);
    if (count_ == before)
      out_ += literal;
    else
      out_ += json_string(is_utf8(masked) ? masked : "***");
    if (is_key) key_ = text;
    at_ = end;
  }

  std::string masked_bytes(const std::string& b64) {
    std::string bytes;
    if (!from_base64(b64, bytes)) return b64;  // refused before
    const std::uint64_t before = count_;
    const std::string masked = masks_.masked(bytes, count_);
    return count_ == before ? b64 : to_base64(masked);
  }

  // A number cannot hold a mask, so that all of it goes.
  void number() {
    const std::size_t end = std::min(json_.find_first_of(",]}", at_), json_.size());
    const std::string_view digits = json_.substr(at_, end - at_);
    if (masks_.spare(digits)) {
      out_ += digits;
    } else {
      out_ += "\"***\"";
      ++count_;
    }
    at_ = end;
  }

  const std::string_view json_;
  const Masks& masks_;
  const bool is_log_;
  std::uint64_t& count_;
  std::string key_;  // the last one
  std::string out_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<std::string> secrets_of(const JobFixed& job, const std::string& token) {
  std::vector<std::string> out;
  add_values(job.request, out);
  add_values(job.tool, out);
  if (token.size() < kShortestSecret) return out;  // none of ours
  out.push_back(token);
  out.push_back(job_token(token));
  return out;
}

// Of output all is decoded; of others a pattern has to see each string by itself.
bool is_clean(const Event& event, const Masks& masks) {
  const bool shows_all = event.payload.find('\\') == std::string::npos &&
                         (event.type == "log" || !masks.has_patterns());
  return shows_all && masks.spare(event.type) && masks.spare(event.payload) &&
         (event.type != "log" || masks.spare(event.bytes));
}

void mask(Event& event, const Masks& masks, const std::string& where, std::uint64_t& count) {
  if (!masks.spare(event.type))
    invalid_request(where + "its type has a secret of the job in it, and could not be stored");
  if (is_clean(event, masks)) return;
  std::uint64_t found = 0;
  std::string payload = MaskedJson(event.payload, masks, event.type == "log", found).run();
  if (found == 0) return;
  try {
    // Two keys may have become one; and a value may have a form that no mask has.
    payload = compact_json(payload);
    Event masked = read_event(event.type, std::move(payload), Author::producer, where);
    masked.t = event.t;
    event = std::move(masked);
  } catch (const std::exception& e) {
    invalid_request(where + "it has a secret of the job where none can be masked: " + e.what());
  }
  count += found;
}

}  // namespace domed
