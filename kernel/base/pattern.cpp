#include "base/pattern.h"

namespace domed {
namespace {

constexpr std::size_t kMaxPattern = 256;
constexpr std::size_t kMaxMatched = 4096;

}  // namespace

// The default way of libstdc++ tries one path after another: "(a+)+b" against
// thirty letters takes minutes, and a long text overflows the stack.  The
// polynomial way walks all paths at once; it has no back-references.
std::regex compile_pattern(const std::string& pattern) {
  if (pattern.size() > kMaxPattern) throw std::regex_error(std::regex_constants::error_space);
#ifdef __GLIBCXX__
  return std::regex(pattern, std::regex::ECMAScript | std::regex_constants::__polynomial);
#else
  return std::regex(pattern);
#endif
}

bool matches(const std::string& pattern, const std::string& text, bool anywhere) {
  if (text.size() > kMaxMatched) return false;
  const std::regex compiled = compile_pattern(pattern);
  return anywhere ? std::regex_search(text, compiled) : std::regex_match(text, compiled);
}

}  // namespace domed
