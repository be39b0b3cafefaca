#include "listing.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace domed::git {
namespace {

// A path has 4 KiB at most: beyond this there is something else than a listing.
constexpr std::size_t kMaxEntry = 64 << 10;

// Cuts the next part, up to "end", off the front of "text".
std::optional<std::string_view> cut(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at + 1);
  return part;
}

bool is_absent(const std::string& path) {
  struct stat info;
  return ::lstat(path.c_str(), &info) != 0;
}

// 1 XY sub mH mI mW hH hI path, or u XY sub m1 m2 m3 mW h1 h2 h3 path
std::optional<Change> parse_change(std::string_view entry) {
  const bool unmerged = entry.starts_with("u ");
  std::array<std::string_view, 10> fields;
  const std::size_t count = unmerged ? 10 : 8;
  for (std::size_t i = 0; i < count; ++i) {
    const auto field = cut(entry, ' ');
    if (!field) return std::nullopt;
    fields[i] = *field;
  }
  if (fields[1].size() != 2) return std::nullopt;
  Change change{fields[1][0], fields[1][1], fields[2].starts_with('S'), std::string(entry)};
  return change;
}

// NAME <MAIL> SECONDS ZONE
void take_person(std::string_view line, std::string& who, std::optional<std::int64_t>& when) {
  const std::size_t end = line.rfind('>');
  if (end == std::string_view::npos) return;
  who = line.substr(0, end + 1);
  line.remove_prefix(std::min(end + 2, line.size()));
  std::int64_t seconds = 0;
  const auto [last, error] = std::from_chars(line.data(), line.data() + line.size(), seconds);
  if (error == std::errc() && last != line.data()) when = seconds;
}

}  // namespace

IndexListing::IndexListing(std::string top, const std::string& inside)
    : top_(std::move(top)), inside_(inside.empty() ? "" : inside + "/") {}

void IndexListing::feed(std::string_view piece) {
  while (const auto part = cut(piece, '\0')) {
    if (open_.empty()) {
      take(*part);
      continue;
    }
    open_ += *part;
    take(open_);
    open_.clear();
  }
  if (open_.size() + piece.size() > kMaxEntry) {
    broken_ = true;
    open_.clear();
    return;
  }
  open_ += piece;
}

// "H 100644 ID 0 TAB path"; a lower-case tag: assume-unchanged; S: skip-worktree.
void IndexListing::take(std::string_view entry) {
  const auto tag = cut(entry, ' '), mode = cut(entry, ' '), id = cut(entry, ' ');
  const auto stage = cut(entry, '\t');
  if (!tag || tag->size() != 1 || !mode || !id || !stage) {
    broken_ = true;
    return;
  }
  const char mark = tag->front();
  assume_unchanged_ |= mark >= 'a' && mark <= 'z';
  if (mark == 'S' || mark == 's') {
    skip_worktree_ = true;
    // One is enough; to look at each of a million would take the time that the rest needs.
    if (!skipped_is_absent_) skipped_is_absent_ = is_absent(top_ + "/" + std::string(entry));
  }
  inside_is_tracked_ |= !inside_.empty() && entry.starts_with(inside_);
  if (*mode != "160000") return;
  // A merge conflict lists a path once for each side.
  if (!gitlinks_.empty() && gitlinks_.back().path == entry) return;
  more_gitlinks_ |= gitlinks_.size() == kMaxSubmodules;
  if (!more_gitlinks_) gitlinks_.push_back({std::string(entry), std::string(*id)});
}

Status parse_status(std::string_view output) {
  static constexpr std::string_view kHead = "# branch.oid ";
  Status status;
  while (const auto entry = cut(output, '\0')) {
    if (entry->starts_with(kHead)) status.head = entry->substr(kHead.size());
    if (entry->starts_with("? ")) ++status.untracked;
    if (!entry->starts_with("1 ") && !entry->starts_with("u ")) continue;
    if (auto change = parse_change(*entry)) status.changes.push_back(std::move(*change));
  }
  return status;
}

std::vector<std::string> parse_filtered(std::string_view output) {
  std::vector<std::string> out;
  while (const auto path = cut(output, '\0')) {
    cut(output, '\0');  // "filter"
    const auto value = cut(output, '\0');
    // "set" names no filter, as in "*.bin filter": git runs none then.
    if (!value || *value == "unspecified" || *value == "unset" || *value == "set") continue;
    out.emplace_back(*path);
  }
  return out;
}

CommitHeader parse_commit(std::string_view text) {
  static constexpr std::string_view kAuthor = "author ", kCommitter = "committer ";
  CommitHeader header;
  std::optional<std::int64_t> authored;
  std::string committer;
  while (const auto line = cut(text, '\n')) {
    // Behind it comes the message, which may say "committer" as well.
    if (line->empty()) break;
    if (line->starts_with(kAuthor)) {
      take_person(line->substr(kAuthor.size()), header.author, authored);
    } else if (line->starts_with(kCommitter)) {
      take_person(line->substr(kCommitter.size()), committer, header.time);
    }
  }
  return header;
}

}  // namespace domed::git
