#include "follow/tails.h"

#include <algorithm>

#include "log/checked_store.h"

namespace domed {
namespace {

// What a piece and a job take beside their lines, about.
constexpr std::size_t kPieceBytes = 128, kJobBytes = 512;

std::size_t size_of(const std::shared_ptr<const std::string>& lines) {
  return lines->capacity() + kPieceBytes;
}

// Adds whole lines to "page", the first one in any case; false: no more fit.  As many as the store
// gives, which counts their seals, so that a page is the same wherever it comes from.
bool take(LogPage& page, std::string_view lines, const PageRequest& request) {
  while (!lines.empty()) {
    const std::size_t size = lines.find('\n') + 1;
    const bool fits =
        page.ends.size() < request.max_events &&
        page.lines.size() + size + (page.ends.size() + 1) * kSealBytes <= request.max_bytes;
    if (!page.ends.empty() && !fits) return false;
    page.lines.append(lines, 0, size);
    page.ends.push_back(static_cast<std::uint32_t>(page.lines.size()));
    lines.remove_prefix(size);
  }
  return true;
}

std::string_view skip(std::string_view lines, std::uint64_t count) {
  for (; count > 0; --count) lines.remove_prefix(lines.find('\n') + 1);
  return lines;
}

}  // namespace

std::optional<Tails::Found> Tails::read(const PageRequest& request) const {
  if (request.before_seq || !request.token.empty()) return std::nullopt;
  Found found;
  std::vector<Piece> pieces;
  {
    const std::lock_guard lock(mutex_);
    const auto it = tails_.find(request.job_id);
    if (it == tails_.end()) return std::nullopt;
    const Tail& tail = it->second;
    const std::uint64_t next = request.since_seq + 1;
    const std::uint64_t begin = tail.pieces.empty() ? tail.head_seq + 1 : tail.pieces.front().first;
    const bool other = !request.log_id.empty() && request.log_id != tail.log_id;
    if (other || next < std::max(begin, tail.first_seq) || next > tail.head_seq + 1)
      return std::nullopt;
    found.committing = tail.committing;
    found.page = {tail.log_id, tail.state, tail.first_seq, tail.head_seq, next, {}, {}};
    if (next > tail.head_seq) return found;
    const auto after =
        std::upper_bound(tail.pieces.begin(), tail.pieces.end(), next,
                         [](std::uint64_t seq, const Piece& piece) { return seq < piece.first; });
    pieces.assign(std::prev(after), tail.pieces.end());
  }
  std::uint64_t ahead = found.page.from - pieces.front().first;
  for (const auto& piece : pieces) {
    if (!take(found.page, skip(*piece.lines, ahead), request)) break;
    ahead = 0;
  }
  return found;
}

void Tails::committing(const std::string& job_id) {
  const std::lock_guard lock(mutex_);
  const auto it = tails_.find(job_id);
  if (it != tails_.end()) it->second.committing = true;
}

void Tails::committed(const Commit& commit) {
  const std::lock_guard lock(mutex_);
  auto it = tails_.find(commit.job_id);
  if (it != tails_.end() && (commit.gone || it->second.log_id != commit.log_id ||
                             it->second.head_seq + 1 != commit.first)) {
    erase(it);
    it = tails_.end();
  }
  if (commit.gone) return;
  if (it == tails_.end()) {
    it = tails_.try_emplace(commit.job_id).first;
    it->second.age = ages_.insert(ages_.begin(), commit.job_id);
    it->second.bytes = kJobBytes;
    bytes_ += kJobBytes;
  }
  Tail& tail = it->second;
  ages_.splice(ages_.begin(), ages_, tail.age);
  tail.log_id = commit.log_id;
  tail.state = commit.state;
  tail.first_seq = commit.first_seq;
  tail.head_seq = commit.head;
  tail.committing = false;
  if (commit.lines && !commit.lines->empty()) {
    tail.pieces.push_back({commit.first, commit.lines});
    tail.bytes += size_of(commit.lines);
    bytes_ += size_of(commit.lines);
  }
  while (tail.bytes > most_of_job_ && !tail.pieces.empty()) drop_oldest_piece(tail);
  while (bytes_ > most_) erase(tails_.find(ages_.back()));
}

void Tails::forget(const std::string& job_id) {
  const std::lock_guard lock(mutex_);
  const auto it = tails_.find(job_id);
  if (it != tails_.end()) erase(it);
}

void Tails::drop_oldest_piece(Tail& tail) {
  const std::size_t bytes = size_of(tail.pieces.front().lines);
  tail.pieces.pop_front();
  tail.bytes -= bytes;
  bytes_ -= bytes;
}

void Tails::erase(Map::iterator it) {
  bytes_ -= it->second.bytes;
  ages_.erase(it->second.age);
  tails_.erase(it);
}

}  // namespace domed
