#include "search/matcher.h"

#include <re2/re2.h>

#include "base/words.h"
#include "domed/error.h"

namespace domed {
namespace {

constexpr std::size_t kMostBytes = 1024;
// Where RE2 cannot keep its automaton in memory it takes a step for each of these and each byte: of
// the largest event a second at the very most.
constexpr int kMostInstructions = 2000;
constexpr std::int64_t kMemory = 16 << 20;

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw Error(Code::invalid_argument, in_quotes(text) + " " + why);
}

void check_size(const std::string& text) {
  if (text.empty()) refuse(text, "is empty, and would be found everywhere");
  if (text.size() > kMostBytes)
    refuse(text, "is longer than " + std::to_string(kMostBytes) + " bytes");
}

}  // namespace

struct Matcher::Compiled {
  explicit Compiled(const std::string& text, const RE2::Options& options)
      : expression(text, options) {}
  const RE2 expression;
};

Matcher Matcher::literal(std::string text) {
  check_size(text);
  Matcher out;
  out.bytes_ = std::move(text);
  return out;
}

Matcher Matcher::pattern(const std::string& text) {
  check_size(text);
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMemory);
  Matcher out;
  out.compiled_ = std::make_shared<const Compiled>(text, options);
  const RE2& expression = out.compiled_->expression;
  if (!expression.ok()) refuse(text, "is no regular expression of RE2: " + expression.error());
  if (expression.ProgramSize() > kMostInstructions)
    refuse(text, "is too much work: it becomes " + std::to_string(expression.ProgramSize()) +
                     " instructions, at most " + std::to_string(kMostInstructions) +
                     " are allowed; repeat less, or search for a part of it");
  return out;
}

std::optional<Matcher::Range> Matcher::find(std::string_view text, std::size_t from) const {
  if (from > text.size()) return std::nullopt;
  if (!compiled_) {
    const std::size_t at = text.find(bytes_, from);
    if (at == std::string_view::npos) return std::nullopt;
    return Range{at, at + bytes_.size()};
  }
  re2::StringPiece found;
  if (!compiled_->expression.Match({text.data(), text.size()}, from, text.size(), RE2::UNANCHORED,
                                   &found, 1))
    return std::nullopt;
  const auto begin = static_cast<std::size_t>(found.data() - text.data());
  return Range{begin, begin + found.size()};
}

}  // namespace domed
