#include "log/sealed_store.h"

#include <algorithm>
#include <deque>

#include "log/kernels_own.h"

namespace domed {
namespace {

constexpr const char* kKey = "sealed";
// How the JSON of a record begins where something in it is sealed; in a text its quotes are
// escaped.
constexpr std::string_view kBegin = R"({"sealed":")";

bool may_be_sealed(std::string_view fixed) {
  return fixed.find(kBegin) != std::string_view::npos;
}
bool is_sealed(const Json& value) {
  return value.is_object() && value.size() == 1 && value.contains(kKey) &&
         value.at(kKey).is_string();
}
const std::string& text_of(const Json& value) {
  return value.at(kKey).get_ref<const std::string&>();
}

using Visit = std::function<void(Json& value, const std::string& field)>;

void each_in_map(Json& object, const std::string& name, const Visit& visit) {
  const auto map = object.find(name.substr(name.rfind('.') + 1));
  if (map == object.end() || !map->is_object()) return;
  for (auto& [key, value] : map->items()) visit(value, name + "." + key);
}

// The "fixed" of a record, of any shape, looked through for what is secret in it.
class Fixed {
 public:
  // The store's own record is nothing but a secret: bytes, unless they are sealed.
  Fixed(std::string_view job_id, std::string_view bytes) : is_secret_(job_id == kStoreRecord) {
    json_ = Json::parse(bytes, nullptr, false);
    if (is_secret_ && !is_sealed(json_)) json_ = std::string(bytes);
  }
  bool is_readable() const { return is_secret_ || json_.is_object(); }

  void each(const Visit& visit) {
    if (is_secret_) return visit(json_, "secret");
    if (!json_.is_object()) return;
    for (const std::string part : {"request", "tool"}) {
      const auto object = json_.find(part);
      if (object == json_.end() || !object->is_object()) continue;
      each_in_map(*object, part + ".env", visit);
      each_in_map(*object, part + ".secret_env", visit);
    }
    const Json::json_pointer input("/request/stdin/b64");
    if (json_.contains(input)) visit(json_[input], "request.stdin.b64");
    if (json_.contains("producer_token")) visit(json_["producer_token"], "producer_token");
  }
  std::string bytes() const {
    return is_secret_ && json_.is_string() ? json_.get<std::string>() : json_.dump();
  }

 private:
  const bool is_secret_;
  Json json_;
};

// Of what is sealed, and where.
using Told = std::function<void(const std::string& key, const std::string& field)>;

void each_sealed(std::string_view job_id, std::string_view bytes, const Told& told) {
  if (!may_be_sealed(bytes)) return;
  Fixed fixed(job_id, bytes);
  fixed.each([&](Json& value, const std::string& field) {
    if (is_sealed(value)) told(StoreKeys::key_of(text_of(value)), field);
  });
}

}  // namespace

SealedStore::SealedStore(Store& store, StoreKeys keys, Found found)
    : store_(store),
      keys_(std::move(keys)),
      found_(found ? std::move(found) : [](const Damage&) {}) {}

std::string SealedStore::sealed(std::string_view job_id, std::string_view bytes) const {
  Fixed fixed(job_id, bytes);
  if (!fixed.is_readable())  // it might hold anything
    throw Error(Code::internal, "the record of job '" + std::string(job_id) + "' is no JSON");
  bool any = false;
  fixed.each([&](Json& value, const std::string& field) {
    if (!value.is_string()) return;
    value = {{kKey, keys_.seal(value.get_ref<const std::string&>(), job_id, field)}};
    any = true;
  });
  return any ? fixed.bytes() : std::string(bytes);
}

std::vector<Outcome> SealedStore::commit(std::span<const Entry> entries) {
  const auto has_fixed = [](const Entry& entry) { return entry.fixed && !entry.fixed->empty(); };
  if (keys_.empty() || std::none_of(entries.begin(), entries.end(), has_fixed))
    return store_.commit(entries);
  std::vector<Entry> out(entries.begin(), entries.end());
  std::deque<std::string> kept;  // what they look at
  for (Entry& entry : out)
    if (has_fixed(entry)) entry.fixed = kept.emplace_back(sealed(entry.job_id, *entry.fixed));
  return store_.commit(out);
}

void SealedStore::open(JobRecord& record) const try {
  if (!may_be_sealed(record.fixed)) return;
  Fixed fixed(record.job_id, record.fixed);
  bool any = false, all = true;
  fixed.each([&](Json& value, const std::string& field) {
    if (!is_sealed(value)) return;
    auto bytes = keys_.open(text_of(value), record.job_id, field);
    bytes ? any = true : all = false;
    if (bytes) value = std::move(*bytes);
  });
  if (!all)
    found_({record.job_id, 0,
            "job '" + record.job_id + "': " + sealed_problem(record.job_id, record.fixed)});
  else if (any)
    record.fixed = fixed.bytes();
} catch (const Error& e) {
  spoil(record, e.what());
} catch (const Json::exception&) {
  spoil(record, "what was sealed is no text");
}

void SealedStore::spoil(JobRecord& record, const std::string& why) const {
  record.fixed.clear();
  found_({record.job_id, 0,
          "the record of job '" + record.job_id + "' is damaged in the store: " + why +
              ": restore it from a backup or an export"});
}

std::optional<JobRecord> SealedStore::find(std::string_view job_id) const {
  auto record = store_.find(job_id);
  if (record) open(*record);
  return record;
}

JobPage SealedStore::list(const ListQuery& query) const {
  auto page = store_.list(query);
  for (JobRecord& record : page.jobs) open(record);
  return page;
}

bool SealedStore::is_sealed_as_now(std::string_view job_id) const {
  const auto record = store_.find(job_id);
  if (!record) return true;
  const std::string first = keys_.empty() ? "" : keys_.ids().front();
  bool as_now = true;
  Fixed fixed(job_id, record->fixed);
  fixed.each([&](Json& value, const std::string&) {
    if (value.is_string()) as_now &= first.empty();
    if (is_sealed(value)) as_now &= StoreKeys::key_of(text_of(value)) == first;
  });
  return as_now;
}

std::set<std::string> keys_of_sealed(std::string_view job_id, std::string_view fixed) {
  std::set<std::string> out;
  each_sealed(job_id, fixed, [&](const std::string& key, const auto&) { out.insert(key); });
  return out;
}

std::string sealed_problem(std::string_view job_id, std::string_view fixed) {
  std::string out;
  each_sealed(job_id, fixed, [&](const std::string& key, const std::string& field) {
    if (out.empty())
      out = "its " + field + " is sealed with the store key " + key +
            ", which this deployment does not have: put that key into the file of 'store_key', as "
            "a line of its own, and start the daemon again";
  });
  return out;
}

}  // namespace domed
