#include "loader/mask.h"

#include <algorithm>
#include <string_view>

#include "loader/masked.h"

namespace domed {
namespace {

// Goes on behind what it has put there: a secret that is a part of "***" would be found in it for
// ever.
void replace_all(std::string& text, const std::string& from) {
  for (auto at = text.find(from); at != std::string::npos;
       at = text.find(from, at + std::string_view(kMasked).size()))
    text.replace(at, from.size(), kMasked);
}

}  // namespace

Mask::Mask(std::vector<std::string> secrets) : secrets_(std::move(secrets)) {
  std::erase(secrets_, "");
  // One secret may be part of another, which must not stay half visible.
  std::sort(secrets_.begin(), secrets_.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string Mask::operator()(std::string text) const {
  for (const auto& secret : secrets_) replace_all(text, secret);
  return text;
}

}  // namespace domed
