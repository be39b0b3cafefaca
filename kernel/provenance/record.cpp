#include "provenance/record.h"

#include <algorithm>
#include <array>

#include "domed/error.h"
#include "protocol/limits.h"

namespace domed {
namespace {

// What surrounds the payload in its event line: the keys and a job id, escaped.
constexpr std::size_t kAroundPayload = 4096;
constexpr std::size_t kRecordBytes = limits::kEventBytes - kAroundPayload;
constexpr std::size_t kFieldBytes = 16 << 10;
constexpr const char* kNobody = "no provenance plugin of the deployment tells it";

enum class Type { text, hash, verdict, count, texts, objects, object };

struct Field {
  const char* name;
  Type type;
  std::vector<Field> parts{};  // of an object, or of each in a list: what it has at least
  bool closed = false;         // and nothing else
};

const std::vector<Field>& fields() {
  static const std::vector<Field> kFields{
      {"repo",
       Type::object,
       {{"name", Type::text}, {"remote", Type::text}, {"subdirectory", Type::text}},
       true},
      {"commit_sha", Type::text},
      {"tree_sha", Type::text},
      {"ref", Type::text},
      {"describe", Type::text},
      {"commit_time", Type::text},
      {"author_hash", Type::hash},
      {"dirty_flag", Type::verdict},
      {"changed_files", Type::count},
      {"untracked_files", Type::count},
      {"diff_sha256", Type::hash},
      {"submodules",
       Type::objects,
       {{"path", Type::text}, {"commit", Type::text}, {"dirty", Type::verdict}},
       true},
      {"flags", Type::texts},
      {"tool_versions", Type::object, {{"git", Type::text}}},
      {"env_fingerprint",
       Type::object,
       {{"os", Type::text},
        {"kernel", Type::text},
        {"architecture", Type::text},
        {"libc", Type::text},
        {"cpu", Type::text},
        {"cpus", Type::count},
        {"container", Type::text},
        {"vm", Type::text},
        {"locale", Type::text},
        {"environment", Type::object},
        {"hostname_hash", Type::hash},
        {"machine_id_hash", Type::hash}}}};
  return kFields;
}

const Field* find_field(std::string_view name) {
  for (const auto& field : fields())
    if (field.name == name) return &field;
  return nullptr;
}

std::size_t size_of(const Json& value) {
  return canonical_json(value).size();
}

bool is_hash(const Json& value) {
  if (!value.is_string()) return false;
  const auto text = value.get<std::string>();
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool is_text(const Json& value) {
  return value.is_string() && value != "";
}
bool all(const Json& list, bool (*fits)(const Json&)) {
  return list.is_array() && std::all_of(list.begin(), list.end(), fits);
}

bool fits(const Json& value, Type type) {
  switch (type) {
    case Type::text:
      return is_text(value);
    case Type::hash:
      return is_hash(value);
    case Type::verdict:
      return value == "true" || value == "false";
    case Type::count:
      return value.is_number_unsigned();
    case Type::texts:
      return all(value, is_text);
    case Type::objects:
      return all(value, [](const Json& item) { return item.is_object(); });
    case Type::object:
      return value.is_object();
  }
  return false;
}

std::string wrong(const Json& value, Type type, const std::string& source) {
  static constexpr std::array kNames{"a text",   "a SHA-256",       "\"true\" or \"false\"",
                                     "a count",  "a list of texts", "a list of objects",
                                     "an object"};
  return source + " gave " + (value.is_string() ? "the text " + value.dump() : value.type_name()) +
         " instead of " + kNames[static_cast<std::size_t>(type)];
}

void check(Json& object, const Field& field, const std::string& source);

void check_parts(Json& object, const Field& field, const std::string& source) {
  const Json told = object;
  for (const auto& [key, value] : told.items()) {
    const std::string stem = is_reason(key) ? key.substr(0, key.size() - 7) : key;
    const auto part = std::find_if(field.parts.begin(), field.parts.end(),
                                   [&](const Field& one) { return one.name == stem; });
    if (part == field.parts.end() && field.closed) object.erase(key);
    if (part != field.parts.end() && !is_reason(key)) check(object, *part, source);
  }
}

// Other collectors may know more of an object, but not of one in a list.
void check_items(Json& list, const Field& field, const std::string& source) {
  for (Json& item : list) {
    check_parts(item, field, source);
    for (const Field& part : field.parts)
      if (!item.contains(part.name)) put_unknown(item, part.name, source + " does not tell it");
  }
}

void check(Json& object, const Field& field, const std::string& source) {
  Json& value = object[field.name];
  if (is_unknown(value)) return;
  if (!fits(value, field.type))
    put_unknown(object, field.name, wrong(value, field.type, source));
  else if (size_of(value) > kFieldBytes)
    put_unknown(object, field.name, source + " gave more than 16 KiB");
  else if (field.type == Type::objects)
    check_items(value, field, source);
  else if (field.type == Type::object)
    check_parts(value, field, source);
}

// The fields of "tool_versions" that the kernel fills, and no collector.
bool is_kernels(std::string_view part) {
  static constexpr std::array<std::string_view, 7> kParts{
      "domed", "protocol", "executor", "tool", "executable", "runtimes", "plugins"};
  return std::find(kParts.begin(), kParts.end(), part) != kParts.end();
}

// Of "tool_versions" a collector may tell other parts, each a text.
void check_versions(Json& record, const std::string& source,
                    const std::function<void(const std::string&)>& refuse) {
  const auto versions = record.find("tool_versions");
  if (versions == record.end() || !versions->is_object()) return;
  const Json told = *versions;
  for (const auto& [key, value] : told.items()) {
    const std::string stem = is_reason(key) ? key.substr(0, key.size() - 7) : key;
    if (is_kernels(stem)) {
      refuse("tool_versions." + key);
      versions->erase(key);
    } else if (!is_reason(key)) {
      check(*versions, {key.c_str(), Type::text}, source);
    }
  }
}

// The kernel knows some versions itself, so they are never unknown as a whole.
void open_versions(Json& record) {
  const std::string reason = record.value("tool_versions_reason", "");
  record.erase("tool_versions_reason");
  if (record.at("tool_versions").is_object()) return;
  record["tool_versions"] = Json::object();
  put_unknown(record["tool_versions"], "git", reason);
}

// The part that makes the field "name" large: itself, or one of the members of
// "tool_versions", some of which must never be lost to a talkative one.
std::string largest_of(const Json& record, const std::string& name) {
  if (name != "tool_versions" || !record.at(name).is_object()) return name;
  std::size_t most = 0;
  std::string out = name;
  for (const auto& [key, value] : record.at(name).items()) {
    if (is_reason(key) || is_unknown(value) || size_of(value) <= most) continue;
    most = size_of(value);
    out = name + "." + key;
  }
  return out;
}

void drop_largest(Json& record) {
  std::size_t most = 0;
  std::string largest;
  for (const auto& [key, value] : record.items()) {
    if (is_reason(key) || is_unknown(value) || size_of(value) <= most) continue;
    most = size_of(value);
    largest = key;
  }
  if (largest.empty()) throw Error(Code::internal, "a provenance record is larger than its fields");
  put_unknown_at(record, largest_of(record, largest),
                 "it is left out: with its " + std::to_string(most) +
                     " bytes the record would not fit into one event");
}

}  // namespace

std::span<const char* const> drift_fields() {
  static constexpr std::array kDrift{"commit_sha",  "tree_sha",      "ref",
                                     "dirty_flag",  "changed_files", "untracked_files",
                                     "diff_sha256", "submodules"};
  return kDrift;
}

Json admit(const Json& answer, const std::string& source,
           const std::function<void(const std::string&)>& refuse) {
  Json out = honest(answer, source);
  for (const auto& [key, value] : answer.items()) {
    const Field* field = find_field(key);
    if (is_reason(key)) continue;
    if (field) {
      check(out, *field, source);
    } else {
      refuse(key);
      out.erase(key), out.erase(key + "_reason");
    }
  }
  check_versions(out, source, refuse);
  return out;
}

void put_unknown_at(Json& record, const std::string& field, const std::string& reason) {
  const std::size_t dot = field.find('.');
  if (dot == std::string::npos) return put_unknown(record, field, reason);
  Json& whole = record[field.substr(0, dot)];
  if (!whole.is_object()) whole = Json::object();
  put_unknown_at(whole, field.substr(dot + 1), reason);
}

void complete(Json& record) {
  for (const auto& field : fields()) {
    if (!record.contains(field.name)) put_unknown(record, field.name, kNobody);
    if (field.name == std::string_view("tool_versions")) open_versions(record);
    Json& value = record[field.name];
    if (!value.is_object()) continue;
    for (const Field& part : field.parts)
      if (!value.contains(part.name)) put_unknown(value, part.name, kNobody);
  }
}

std::string encode_record(Json record) {
  std::string text = canonical_json(record);
  for (; text.size() > kRecordBytes; text = canonical_json(record)) drop_largest(record);
  return text;
}

}  // namespace domed
