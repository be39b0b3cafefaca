#include "change_list.h"

#include <charconv>
#include <utility>

namespace domed {
namespace {

// Of one answer: whoever has fallen behind goes on with the next one.
constexpr std::size_t kMostChanges = 1000;

}  // namespace

void ChangeList::add(Change change) {
  const std::lock_guard lock(mutex_);
  std::uint64_t& number = numbers_[change.job_id];
  if (number != 0) changes_.erase(number);
  number = ++last_;
  changes_.emplace(number, std::move(change));
  news_.notify_all();
}

void ChangeList::forget(const std::string& job_id) {
  const std::lock_guard lock(mutex_);
  const auto it = numbers_.find(job_id);
  if (it == numbers_.end()) return;
  changes_.erase(it->second);
  numbers_.erase(it);
}

void ChangeList::lose() {
  const std::lock_guard lock(mutex_);
  ++losses_;
  news_.notify_all();
}

Changes ChangeList::wait(const std::string& cursor, std::chrono::milliseconds timeout,
                         bool& interrupted) {
  std::unique_lock lock(mutex_);
  Changes told;
  std::uint64_t from = last_;
  const std::uint64_t losses = losses_;
  told.gap = !cursor.empty() && !read(cursor, from);
  const auto news = [&] { return interrupted || last_ > from || losses_ != losses; };
  if (!told.gap) news_.wait_for(lock, timeout, news);
  if (losses_ != losses) told.gap = true;
  interrupted = false;
  auto it = changes_.upper_bound(from);
  for (; it != changes_.end() && told.changes.size() < kMostChanges; ++it) {
    told.changes.push_back(it->second);
    from = it->first;
  }
  // Beyond the numbers of changes that later ones have replaced, or the next wait would find the
  // same again and never rest.
  told.cursor = cursor_at(it == changes_.end() ? last_ : from);
  return told;
}

void ChangeList::interrupt(bool& interrupted) {
  const std::lock_guard lock(mutex_);
  interrupted = true;
  news_.notify_all();
}

std::string ChangeList::cursor_at(std::uint64_t number) const {
  return beginning() + std::to_string(number);
}

std::string ChangeList::beginning() const {
  return place_ + ':' + std::to_string(losses_) + ':';
}

// Whether "cursor" is one of this list; "number" is left alone where it is not.
bool ChangeList::read(std::string_view cursor, std::uint64_t& number) const {
  const std::string begin = beginning();
  if (!cursor.starts_with(begin)) return false;
  cursor.remove_prefix(begin.size());
  std::uint64_t found = 0;
  const char* const end = cursor.data() + cursor.size();
  const auto [stop, error] = std::from_chars(cursor.data(), end, found);
  if (error != std::errc() || stop != end || found > last_) return false;
  number = found;
  return true;
}

}  // namespace domed
