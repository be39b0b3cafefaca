#include "nodes/formats.h"

#include <algorithm>

namespace domed {

unsigned format_to_write(Formats own, const std::vector<Formats>& others) {
  Formats all = own;
  for (const Formats& other : others)
    all = {std::max(all.oldest, other.oldest), std::min(all.newest, other.newest)};
  return all.oldest <= all.newest ? all.newest : 0;
}

}  // namespace domed
