#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace domed {

// Shorter ones stand in any text, by chance: to mask them would tell what they are.
inline constexpr std::size_t kShortestSecret = 6;

// Why "pattern" cannot be a mask's, in words for whoever wrote it; empty: it can.
std::string mask_problem(const std::string& pattern);

// What must not be stored: the bytes of secrets, and what patterns describe (RE2, within one line;
// of one with groups the groups alone).  Each becomes "***", and so does what overlapping ones
// cover together; of less than three bytes each becomes '*', so that nothing grows.
//
// A plain value; thread-safe where it is not changed.
class Masks {
 public:
  struct Range {
    std::size_t begin, end;
  };

  Masks() = default;
  // "patterns" have passed mask_problem(); empty secrets are left out.
  Masks(const std::vector<std::string>& secrets, const std::vector<std::string>& patterns);

  bool empty() const { return needles_.empty() && patterns_.empty(); }
  bool has_patterns() const { return !patterns_.empty(); }
  // "text" as it may be stored; "count" goes up by what was replaced.
  std::string masked(std::string_view text, std::uint64_t& count) const;
  // Whether nothing of "text" is to be replaced.
  bool spare(std::string_view text) const;

 private:
  friend class MaskedStream;
  struct Needle {
    std::shared_ptr<const std::string> text;  // where "finder" looks into it
    std::string_view bytes;                   // of "text"
    // Made once: every event of a producer is looked through, and memmem() would prepare each time.
    std::boyer_moore_searcher<const char*> finder;
    // Of its first n bytes the longest end that is a beginning too (Knuth, Morris, Pratt).
    std::vector<std::uint32_t> borders;
  };
  struct Pattern;

  static Needle needle(std::string bytes);
  // Where "needle" stands in "text" for the first time; its size: nowhere.
  static std::size_t find(const Needle& needle, std::string_view text);
  // Looks on for "needle", of which "state" bytes stand before "text" already; tells "found" where
  // each one ends.  In a time linear in the text.
  template <class Found>
  static void scan(const Needle& needle, std::string_view text, std::size_t& state, Found&& found);
  std::vector<Range> in_lines(std::string_view lines) const;

  std::vector<Needle> needles_;
  std::vector<std::shared_ptr<const Pattern>> patterns_;
};

// The same of bytes that come in chunks: what is masked does not depend on where they were cut.
// So an end that may begin a secret is held back until more comes, or release() lets it go, after
// which what follows of the secret still is masked; what was let go cannot be taken back.  Of a
// line that patterns look at and that has no end, or is let go in pieces, a match is bounded to
// kLongestMatch bytes.
//
// Not thread-safe.  The masks must outlive it.
class MaskedStream {
 public:
  static constexpr std::size_t kLongestMatch = 4096;

  explicit MaskedStream(const Masks& masks);

  // Appends to "out" what may be stored.
  void feed(std::string_view bytes, std::string& out);
  bool holds() const { return !held_.empty() || line_.size() > context_; }
  void release(std::string& out);
  // How many times something was replaced, so far.
  std::uint64_t count() const { return count_; }

 private:
  void emit(std::uint64_t until, std::string& out);
  void emit_lines(bool all, std::string& out);
  void keep_context(std::size_t until);

  const Masks& masks_;
  std::vector<std::size_t> states_;  // of each needle: how many of its bytes stand at the end
  // Bytes that were fed and not passed on, from "begin_" on, counted over the stream.  Up to
  // "masked_until_" they are covered by a *** that was.
  std::string held_;
  std::uint64_t begin_ = 0, masked_until_ = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>>
      found_;  // secrets that are not passed on yet
  // Where there are patterns: the present line, of which the first "context_" bytes are passed on.
  std::string line_;
  std::size_t context_ = 0;
  bool context_is_masked_ = false;  // it ends with what became a ***
  std::uint64_t count_ = 0;
};

}  // namespace domed
