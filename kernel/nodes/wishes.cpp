#include "nodes/wishes.h"

#include <algorithm>

#include "base/json.h"
#include "nodes/node_words.h"

namespace domed {
namespace {

// There is one for each node, whoever wrote it.
constexpr auto kHolder = "people";

std::string key_of(const std::string& node) {
  return std::string(kWishLease) + node;
}

}  // namespace

std::map<std::string, Wish> wishes_in(const Leases& leases) {
  std::map<std::string, Wish> out;
  for (const Lease& lease : leases.held(kWishLease)) {
    const Json json = Json::parse(lease.text, nullptr, false);
    if (!json.is_object()) continue;
    Wish& wish = out[lease.name.substr(kWishLease.size())];
    const auto drain = json.find("drain");
    wish.drain = drain != json.end() && drain->is_boolean() && drain->get<bool>();
    wish.back_in = back_in_of(json);
    wish.by = text_at(json, "by");
  }
  return out;
}

void put_wish(Leases& leases, const std::string& node, const Wish& wish) {
  const Json text{{"drain", wish.drain}, {"back_in", wish.back_in.count()}, {"by", wish.by}};
  leases.acquire(key_of(node), kHolder, std::chrono::milliseconds(0),
                 text.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void take_wish_back(Leases& leases, const std::string& node) {
  leases.release(key_of(node), kHolder);
}

}  // namespace domed
