#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace domed {

// What a text is searched for.  The time is linear in the text, and a pattern cannot make it much
// slower: one that is long, or becomes large when it is compiled, is refused.
//
// Thread-safe.
class Matcher {
 public:
  // The bytes themselves; throws Error(invalid_argument), in words for whoever wrote it, as below.
  static Matcher literal(std::string text);
  // A regular expression of RE2: Perl's syntax without look-around and back-references.
  static Matcher pattern(const std::string& text);

  struct Range {
    std::size_t begin, end;
  };
  // The first place from "from" on; it may be empty.
  std::optional<Range> find(std::string_view text, std::size_t from = 0) const;
  bool in(std::string_view text) const { return find(text).has_value(); }
  // The bytes that every match is; empty: of a pattern.
  const std::string& bytes() const { return bytes_; }

 private:
  struct Compiled;
  std::string bytes_;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace domed
