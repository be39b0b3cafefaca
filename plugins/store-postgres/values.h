#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace domed::postgres {

// The parameters of one statement, in PostgreSQL's binary format.  Views of bytes must stay valid
// until the statement was sent.
class Values {
 public:
  Values() = default;
  Values(Values&&) = default;  // no copy: the addresses would be those of the first one
  Values& operator=(Values&&) = default;

  Values& bytes(std::string_view value) { return add(value); }
  Values& maybe(const std::optional<std::string_view>& value);  // absent: null
  Values& number(std::int64_t value);                           // int8
  Values& boolean(bool value);
  Values& array(const std::vector<std::string>& values);  // bytea[]

  int count() const { return static_cast<int>(pointers_.size()); }
  const char* const* pointers() const { return pointers_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  Values& add(std::string_view value);
  Values& keep(std::string value);

  std::deque<std::string> kept_;  // whose elements stay where they are
  std::vector<const char*> pointers_;
  std::vector<int> lengths_, formats_;
};

// "value" in four or eight bytes, the most significant first.
void put(std::string& out, std::uint64_t value, std::size_t bytes);
std::uint64_t get(std::string_view bytes);

}  // namespace domed::postgres
