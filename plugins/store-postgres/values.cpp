#include "values.h"

#include <utility>

namespace domed::postgres {
namespace {

constexpr std::uint64_t kBytea = 17;  // its number in every database

}  // namespace

Values& Values::maybe(const std::optional<std::string_view>& value) {
  if (value) return add(*value);
  pointers_.push_back(nullptr);
  lengths_.push_back(0);
  formats_.push_back(1);
  return *this;
}

Values& Values::number(std::int64_t value) {
  std::string bytes;
  put(bytes, static_cast<std::uint64_t>(value), 8);
  return keep(std::move(bytes));
}

Values& Values::boolean(bool value) {
  return keep(std::string(1, value ? '\1' : '\0'));
}

Values& Values::array(const std::vector<std::string>& values) {
  std::string bytes;
  put(bytes, values.empty() ? 0 : 1, 4);  // dimensions
  put(bytes, 0, 4);                       // no nulls
  put(bytes, kBytea, 4);
  if (!values.empty()) {
    put(bytes, values.size(), 4);
    put(bytes, 1, 4);  // the first index
  }
  for (const std::string& value : values) {
    put(bytes, value.size(), 4);
    bytes += value;
  }
  return keep(std::move(bytes));
}

// An empty view may have no address, which would be a null.
Values& Values::add(std::string_view value) {
  pointers_.push_back(value.data() ? value.data() : "");
  lengths_.push_back(static_cast<int>(value.size()));
  formats_.push_back(1);
  return *this;
}

Values& Values::keep(std::string value) {
  return add(kept_.emplace_back(std::move(value)));
}

void put(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i > 0; --i) out += static_cast<char>(value >> (8 * (i - 1)));
}

std::uint64_t get(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace domed::postgres
