#include "search/masks.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/words.h"

namespace domed {
namespace {

constexpr std::size_t kMostPatternBytes = 1024;
constexpr int kMostPatternInstructions = 2000;
constexpr std::int64_t kPatternMemory = 4 << 20;
constexpr int kMostGroups = 16;
constexpr std::string_view kStars = "***";

RE2::Options mask_options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemory);
  options.set_never_nl(true);  // a line is the most that is looked at together
  return options;
}

// '^' and '$' are those of a line: the texts have several.
std::string of_lines(const std::string& pattern) {
  return "(?m:" + pattern + ")";
}

std::string_view stars_for(std::size_t bytes) {
  return kStars.substr(0, std::min(bytes, kStars.size()));
}

}  // namespace

std::string mask_problem(const std::string& pattern) {
  if (pattern.empty()) return "is empty";
  if (pattern.size() > kMostPatternBytes)
    return "is longer than " + std::to_string(kMostPatternBytes) + " bytes";
  const RE2 compiled(of_lines(pattern), mask_options());
  if (!compiled.ok()) return "is no regular expression of RE2: " + compiled.error();
  if (compiled.ProgramSize() > kMostPatternInstructions)
    return "becomes " + std::to_string(compiled.ProgramSize()) + " instructions, at most " +
           std::to_string(kMostPatternInstructions) + " are allowed: repeat less";
  if (compiled.NumberOfCapturingGroups() > kMostGroups)
    return "has more than " + std::to_string(kMostGroups) +
           " groups: write (?:...) where a group is not what is secret";
  if (RE2::FullMatch("", compiled)) return "matches the empty text, which is everywhere";
  return "";
}

struct Masks::Pattern {
  explicit Pattern(const std::string& text) : expression(of_lines(text), mask_options()) {}
  const RE2 expression;
};

Masks::Masks(const std::vector<std::string>& secrets, const std::vector<std::string>& patterns) {
  for (const auto& secret : secrets)
    if (!secret.empty()) needles_.push_back(needle(secret));
  for (const auto& pattern : patterns)
    patterns_.push_back(std::make_shared<const Pattern>(pattern));
}

Masks::Needle Masks::needle(std::string bytes) {
  const auto text = std::make_shared<const std::string>(std::move(bytes));
  Needle out{text, *text, {text->data(), text->data() + text->size()}, {0, 0}};
  std::size_t border = 0;
  for (std::size_t i = 1; i < out.bytes.size(); ++i) {
    while (border > 0 && out.bytes[border] != out.bytes[i]) border = out.borders[border];
    if (out.bytes[border] == out.bytes[i]) ++border;
    out.borders.push_back(static_cast<std::uint32_t>(border));
  }
  return out;
}

std::size_t Masks::find(const Needle& needle, std::string_view text) {
  const char* const end = text.data() + text.size();
  return static_cast<std::size_t>(std::search(text.data(), end, needle.finder) - text.data());
}

// Where nothing of it stands before, a search that skips is several times as fast as a step for
// each byte; and behind the last place where all of it fits only its beginning can be.
template <class Found>
void Masks::scan(const Needle& needle, std::string_view text, std::size_t& state, Found&& found) {
  const std::string_view bytes = needle.bytes;
  const auto step = [&](std::size_t at) {
    while (state > 0 && bytes[state] != text[at]) state = needle.borders[state];
    if (bytes[state] == text[at]) ++state;
    if (state < bytes.size()) return;
    found(at + 1);
    state = needle.borders[state];
  };
  for (std::size_t at = 0; at < text.size();) {
    if (state > 0) {
      step(at++);
      continue;
    }
    const std::size_t place = at + find(needle, text.substr(at));
    if (place < text.size()) {
      at = place + bytes.size();
      found(at);
      state = needle.borders[bytes.size()];
      continue;
    }
    const std::size_t rest = std::min(bytes.size() - 1, text.size() - at);
    for (at = text.size() - rest; at < text.size(); ++at) step(at);
  }
}

// What the patterns name in "lines", sorted, overlapping ones as one.
std::vector<Masks::Range> Masks::in_lines(std::string_view lines) const {
  std::vector<Range> found;
  for (const auto& pattern : patterns_) {
    const RE2& expression = pattern->expression;
    const int groups = expression.NumberOfCapturingGroups();
    std::vector<re2::StringPiece> parts(static_cast<std::size_t>(groups) + 1);
    std::size_t from = 0;
    while (from <= lines.size() &&
           expression.Match({lines.data(), lines.size()}, from, lines.size(), RE2::UNANCHORED,
                            parts.data(), groups + 1)) {
      const auto begin = static_cast<std::size_t>(parts[0].data() - lines.data());
      from = begin + std::max<std::size_t>(parts[0].size(), 1);
      for (std::size_t i = groups > 0 ? 1 : 0; i < parts.size(); ++i) {
        if (parts[i].empty()) continue;
        const auto at = static_cast<std::size_t>(parts[i].data() - lines.data());
        found.push_back({at, at + parts[i].size()});
      }
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Range& a, const Range& b) { return a.begin < b.begin; });
  std::vector<Range> out;
  for (const Range& range : found)
    if (!out.empty() && range.begin < out.back().end)
      out.back().end = std::max(out.back().end, range.end);
    else
      out.push_back(range);
  return out;
}

std::string Masks::masked(std::string_view text, std::uint64_t& count) const {
  std::string out;
  MaskedStream stream(*this);
  stream.feed(text, out);
  stream.release(out);
  count += stream.count();
  return out;
}

bool Masks::spare(std::string_view text) const {
  for (const Needle& needle : needles_)
    if (find(needle, text) < text.size()) return false;
  return patterns_.empty() || in_lines(text).empty();
}

MaskedStream::MaskedStream(const Masks& masks) : masks_(masks), states_(masks.needles_.size()) {}

void MaskedStream::feed(std::string_view bytes, std::string& out) {
  const std::uint64_t before = begin_ + held_.size();
  held_ += bytes;
  std::size_t longest = 0;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const Masks::Needle& needle = masks_.needles_[i];
    Masks::scan(needle, bytes, states_[i], [&](std::size_t end) {
      found_.emplace_back(before + end - needle.bytes.size(), before + end);
    });
    longest = std::max(longest, states_[i]);
  }
  std::sort(found_.begin(), found_.end());
  const std::uint64_t end = begin_ + held_.size();
  const std::uint64_t until = std::max(begin_, end - std::min<std::uint64_t>(longest, end));
  if (!masks_.has_patterns()) return emit(until, out);
  emit(until, line_);
  emit_lines(false, out);
}

// What began before "begin_" was let go already: what is left of it is masked all the same.
void MaskedStream::emit(std::uint64_t until, std::string& out) {
  std::uint64_t at = begin_;
  const auto pass = [&](std::uint64_t end) {
    at = std::max(at, std::min(masked_until_, until));
    if (end > at) out.append(held_, at - begin_, end - at), at = end;
  };
  std::size_t done = 0;
  for (; done < found_.size() && found_[done].first < until; ++done) {
    const std::uint64_t from = std::max(found_[done].first, begin_), end = found_[done].second;
    if (end <= std::max(masked_until_, begin_)) continue;
    if (from >= masked_until_) {
      pass(from);
      out += stars_for(end - from);
      ++count_;
    }
    masked_until_ = end;
  }
  found_.erase(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(done));
  pass(until);
  held_.erase(0, until - begin_);
  begin_ = until;
}

// A match may go on where the line does, so that of a line without end the last bytes stay; but not
// for ever those of a match without end.  What is passed on stays as context, for what comes later
// may be secret only by what stands before it.
void MaskedStream::emit_lines(bool all, std::string& out) {
  const std::size_t lf = line_.rfind('\n');
  std::size_t until = std::max(context_, lf == std::string::npos ? 0 : lf + 1);
  if (all)
    until = line_.size();
  else if (line_.size() - until > 2 * kLongestMatch)
    until = line_.size() - kLongestMatch;
  if (until == context_) return;
  std::size_t at = context_;
  for (const auto& [begin, end] : masks_.in_lines(line_)) {
    if (begin >= until) break;
    if (end <= context_) continue;
    if (end > until && begin > context_) {  // it begins the next round
      until = begin;
      break;
    }
    const std::size_t from = std::max(begin, context_);
    out.append(line_, at, from - at);
    // Of one that goes on behind its *** no second one tells.
    if (begin >= context_ || !context_is_masked_) {
      out += stars_for(end - from);
      ++count_;
    }
    at = end;
  }
  context_is_masked_ = at >= until;
  until = std::max(until, at);
  out.append(line_, at, until - at);
  keep_context(until);
}

// Of what is passed on up to "until": the present line's, and no more than a match may have.
void MaskedStream::keep_context(std::size_t until) {
  const std::size_t lf = until == 0 ? std::string::npos : line_.rfind('\n', until - 1);
  std::size_t from = lf == std::string::npos ? 0 : lf + 1;
  if (until - from > kLongestMatch) from = until - kLongestMatch;
  line_.erase(0, from);
  context_ = until - from;
}

void MaskedStream::release(std::string& out) {
  if (!masks_.has_patterns()) return emit(begin_ + held_.size(), out);
  emit(begin_ + held_.size(), line_);
  emit_lines(true, out);
}

}  // namespace domed
