#include "nodes/node_words.h"

#include <algorithm>

#include "domed/leases.h"
#include "domed/support/hash.h"

namespace domed {
namespace {

// Of a hash of 64 digits enough to tell two contracts of one tool apart.
constexpr std::size_t kDigits = 12;

Json dumped(const OwnPolicy& takes) {
  Json tools = Json::object();
  for (const auto& [id, hashes] : takes.tools) {
    tools[id] = Json::array();
    for (const auto& hash : hashes) tools[id].push_back(hash.substr(0, kDigits));
  }
  return {{"commands", takes.allow_ad_hoc}, {"tools", std::move(tools)}};
}

Json dumped(const NodeWords& words) {
  Json text{{"node", words.node},
            {"name", words.name},
            {"machine", words.machine},
            {"boot", words.boot},
            {"place", words.place},
            {"version", words.version},
            {"formats", {words.formats.oldest, words.formats.newest}},
            {"endpoints", words.endpoints},
            {"queues", words.queues},
            {"time", words.time}};
  if (!words.limits.empty()) text["limits"] = words.limits;
  if (words.limits_of_all) text["limits_of_all"] = true;
  if (words.ttl > NodeWords::Span(0))
    text["ttl"] = words.ttl.count(), text["lost_after"] = words.lost_after.count();
  if (words.draining) text["draining"] = true;
  if (words.forgotten) text["forgotten"] = true;
  if (words.back_in > NodeWords::Span(0)) text["back_in"] = words.back_in.count();
  if (words.settings > 0) text["settings"] = words.settings;
  if (words.takes) text["takes"] = dumped(*words.takes);
  return text;
}

std::string bytes_of(const Json& text) {
  return text.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<std::string> texts_at(const Json& object, const char* key) {
  std::vector<std::string> texts;
  const auto it = object.find(key);
  if (it == object.end() || !it->is_array()) return texts;
  for (const Json& one : *it)
    if (one.is_string()) texts.push_back(one.get<std::string>());
  return texts;
}

// Of words of which a part is missing nobody knows what else is.
std::optional<OwnPolicy> policy_of(const NodeWords& words, const Json& text) {
  const Json takes = text.value("takes", Json());
  const Json tools = takes.is_object() ? takes.value("tools", Json()) : Json();
  const Json commands = takes.is_object() ? takes.value("commands", Json()) : Json();
  if (!tools.is_object() || !commands.is_boolean()) return std::nullopt;
  OwnPolicy out;
  out.node = words.node;
  out.name = words.name;
  out.queues = {words.queues.begin(), words.queues.end()};
  out.allow_ad_hoc = commands.get<bool>();
  for (const auto& item : tools.items()) {
    const auto hashes = texts_at(tools, item.key().c_str());
    out.tools[item.key()] = {hashes.begin(), hashes.end()};
  }
  return out;
}

bool is_true(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_boolean() && it->get<bool>();
}

Formats formats_at(const Json& object) {
  const auto it = object.find("formats");
  if (it == object.end() || !it->is_array() || it->size() != 2) return {};
  const Json &oldest = (*it)[0], &newest = (*it)[1];
  if (!oldest.is_number_unsigned() || !newest.is_number_unsigned()) return {};
  return {oldest.get<unsigned>(), newest.get<unsigned>()};
}

}  // namespace

std::string NodeWords::text() const {
  std::string bytes = bytes_of(dumped(*this));
  if (bytes.size() <= kMaxLeaseText) return bytes;
  NodeWords less = *this;
  less.takes.reset();
  bytes = bytes_of(dumped(less));
  if (bytes.size() <= kMaxLeaseText) return bytes;
  less.endpoints.clear();
  less.queues.clear();
  return bytes_of(dumped(less));
}

NodeWords NodeWords::parse(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  NodeWords words;
  if (!json.is_object()) return words;
  words.node = text_at(json, "node");
  words.name = text_at(json, "name");
  words.machine = text_at(json, "machine");
  words.boot = text_at(json, "boot");
  words.place = text_at(json, "place");
  words.version = text_at(json, "version");
  words.formats = formats_at(json);
  words.endpoints = texts_at(json, "endpoints");
  words.queues = texts_at(json, "queues");
  words.ttl = Span(number_at(json, "ttl"));
  words.lost_after = Span(number_at(json, "lost_after"));
  words.limits = text_at(json, "limits");
  words.limits_of_all = is_true(json, "limits_of_all");
  words.back_in = back_in_of(json);
  words.draining = is_true(json, "draining");
  words.forgotten = is_true(json, "forgotten");
  words.time = static_cast<std::int64_t>(number_at(json, "time"));
  words.settings = number_at(json, "settings");
  words.takes = policy_of(words, json);
  return words;
}

NodeWords::Span back_in_of(const Json& words) {
  return NodeWords::Span(
      std::min<std::uint64_t>(number_at(words, "back_in"), NodeWords::kMaxBackIn.count()));
}

std::string limits_text(const std::map<std::string, std::size_t>& limits) {
  constexpr std::size_t kMost = 1000;
  std::string out;
  for (const auto& [name, limit] : limits)
    out += (out.empty() ? "" : ", ") + name + ": " + std::to_string(limit);
  return out.size() <= kMost ? out
                             : std::to_string(limits.size()) + " queues, sha256 " + sha256_hex(out);
}

std::string limits_in_words(const std::string& limits) {
  return limits.empty() ? "none" : limits;
}

// Without a name for machine and place nothing is known of them.
Namesake namesake(const NodeWords& holder, const NodeWords& self) {
  const bool is_here = holder.node == self.node && !self.machine.empty() && !self.place.empty() &&
                       holder.machine == self.machine && holder.place == self.place;
  if (!is_here) return Namesake::another;
  const bool is_known = !self.boot.empty() && !holder.boot.empty();
  return is_known && holder.boot != self.boot ? Namesake::rebooted : Namesake::ourselves;
}

std::chrono::microseconds skew(std::int64_t own, const NodeWords& words, NodeWords::Span age) {
  return std::chrono::microseconds(own - words.time) - age;
}

}  // namespace domed
