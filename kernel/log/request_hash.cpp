#include "log/request_hash.h"

namespace domed {
namespace {

constexpr const char* kOfValues[] = {"env", "secret_env"};

}  // namespace

std::string request_hash(const Json& request) {
  Json open = request;
  for (const char* key : kOfValues)
    if (const auto it = open.find(key); it != open.end())
      for (auto& value : *it) value = nullptr;
  return sha256_hex(canonical_json(open));
}

std::string former_request_hash(const Json& request) {
  return sha256_hex(canonical_json(request));
}

bool have_same_values(const Json& a, const Json& b) {
  if (!a.is_object() || !b.is_object()) return true;
  for (const char* key : kOfValues) {
    const Json other = b.value(key, Json::object());
    const Json values = a.value(key, Json::object());
    for (const auto& [name, value] : values.items())
      if (const auto it = other.find(name);
          it != other.end() && !value.is_null() && !it->is_null() && value != *it)
        return false;
  }
  return true;
}

std::string shown_request_hash(const JobHead& head, const JobFixed& fixed) {
  bool has_values = false;
  if (fixed.request.contains("env"))
    for (const auto& value : fixed.request.at("env")) has_values |= value.is_string();
  if (!has_values) return head.request_hash;
  Json named = fixed.request;
  if (!fixed.name.empty()) named["name"] = fixed.name;
  const auto is_of = [&](const Json& request) {
    return head.request_hash == former_request_hash(request);
  };
  return is_of(named) || is_of(fixed.request) ? "" : head.request_hash;
}

}  // namespace domed
