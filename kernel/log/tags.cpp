#include "log/tags.h"

#include "domed/store.h"

namespace domed {
namespace {

std::string fitting(std::string tag) {
  if (tag.size() <= kMaxTagBytes) return tag;
  const std::string end = "#" + sha256_hex(tag);
  tag.resize(kMaxTagBytes - end.size());
  return tag + end;
}

}  // namespace

std::string tag(std::string_view key, std::string_view value) {
  return fitting(std::string(key).append("=").append(value));
}

std::string label_tag(std::string_view key_and_value) {
  return fitting(std::string("label:").append(key_and_value));
}

std::vector<std::string> tags_of(const JobHead& head, const JobFixed& fixed) {
  std::vector<std::string> out;
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) out.push_back(tag(key, value));
  };
  put("tool", fixed.tool_id());
  put("name", fixed.name);
  put("submitter", fixed.submitter);
  put("node", head.node);
  if (!fixed.request.contains("labels")) return out;
  for (const auto& [key, value] : fixed.request.at("labels").items())
    if (out.size() < kMaxTags) out.push_back(label_tag(key + "=" + value.get<std::string>()));
  return out;
}

}  // namespace domed
