#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "domed/leases.h"

namespace domed {

// `wish/ID` is what people want of a node: a key that lasts until it is taken back, be the node
// there or not.  Any node writes it; that one hears of it when it next looks.
inline constexpr std::string_view kWishLease = "wish/";

struct Wish {
  // It claims nothing more, and has no duties; what runs there goes on.
  bool drain = false;
  // It is to stop for as long: its runs are not given up meanwhile.
  std::chrono::milliseconds back_in{0};
  std::string by;  // who wants it
};

// By id of the node.  Words that are none say nothing.
std::map<std::string, Wish> wishes_in(const Leases& leases);
void put_wish(Leases& leases, const std::string& node, const Wish& wish);
void take_wish_back(Leases& leases, const std::string& node);

}  // namespace domed
