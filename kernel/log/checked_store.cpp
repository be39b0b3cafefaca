#include "log/checked_store.h"

// A call of the library for every line, which is short, costs a tenth of the hash.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

namespace domed {
namespace {

using Sum = std::array<char, 8>;

constexpr char kMark = '\2';  // no JSON begins with it
constexpr std::size_t kMarked = 1 + sizeof(Sum);

Sum bytes_of(std::uint64_t hash) {
  Sum sum;
  for (char& byte : sum) byte = static_cast<char>(hash & 0xff), hash >>= 8;
  return sum;
}

// 48 bits in eight characters, none of them LF.  In one word, because the eight bytes that are read
// right after eight stores of one byte wait for all of them.
Sum digits_of(std::uint64_t hash) {
  constexpr auto kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::uint64_t word = 0;
  for (int i = 0; i < 8; ++i) {
    const int byte = std::endian::native == std::endian::little ? i : 7 - i;
    word |= static_cast<std::uint64_t>(kDigits[hash >> (6 * i) & 63]) << (8 * byte);
  }
  return std::bit_cast<Sum>(word);
}

// Of one job's bytes.  The job's id seeds it all, so that nothing of another job passes.
class Sums {
 public:
  explicit Sums(std::string_view job_id) : seed_(XXH3_64bits(job_id.data(), job_id.size())) {}

  Sum of_line(std::uint64_t seq, std::string_view line) const {
    return digits_of(XXH3_64bits_withSeed(line.data(), line.size(), seed_ + seq));
  }
  Sum of_head(std::string_view revision, std::string_view head) const {
    const std::uint64_t seed = XXH3_64bits_withSeed(revision.data(), revision.size(), seed_);
    return bytes_of(XXH3_64bits_withSeed(head.data(), head.size(), seed));
  }
  Sum of_fixed(std::string_view fixed) const {
    return bytes_of(XXH3_64bits_withSeed(fixed.data(), fixed.size(), ~seed_));
  }

 private:
  std::uint64_t seed_;
};

std::string_view view(const Sum& sum) {
  return {sum.data(), sum.size()};
}

bool is_old(std::string_view head) {
  return !head.empty() && head[0] == 1;
}

// An entry with its sums, and the bytes that its views look at.
struct Sealed {
  Entry entry;
  std::string events, head, fixed;
  std::vector<std::uint32_t> ends;

  explicit Sealed(const Entry& plain) : entry(plain) {
    const Sums sums(plain.job_id);
    if (plain.action == Entry::Action::drop) return;
    seal_events(sums, plain);
    head = plain.head;
    head += view(sums.of_head(plain.revision, plain.head));
    entry.head = head;
    if (!plain.fixed) return;
    fixed = kMark;
    fixed += view(sums.of_fixed(*plain.fixed));
    fixed += *plain.fixed;
    entry.fixed = fixed;
  }
  Sealed(const Sealed&) = delete;

 private:
  // Offsets that are wrong are left to the store, which refuses the batch.
  void seal_events(const Sums& sums, const Entry& plain) {
    events.reserve(plain.events.size() + plain.ends.size() * kSealBytes);
    ends.reserve(plain.ends.size());
    std::size_t begin = 0;
    for (const std::uint32_t end : plain.ends) {
      if (end <= begin || end > plain.events.size()) return;
      const std::string_view line = plain.events.substr(begin, end - begin - 1);
      events += line;
      events += view(sums.of_line(plain.base + 1 + ends.size(), line));
      events += plain.events[end - 1];
      ends.push_back(static_cast<std::uint32_t>(events.size()));
      begin = end;
    }
    entry.events = events;
    entry.ends = ends;
  }
};

constexpr char kSealed = '\2';  // the least format of a head that has a sum

// Whether the last bytes of "head" are the sum of those before.
bool has_sum(const Sums& sums, std::string_view revision, std::string_view head) {
  const std::size_t size = head.size() - std::min(head.size(), sizeof(Sum));
  return head.substr(size) == view(sums.of_head(revision, head.substr(0, size)));
}

// Takes the sum off "head"; empty where it does not fit.
void check_head(const Sums& sums, JobRecord& record) {
  std::string& head = record.head;
  if (is_old(head)) {
    // Unless it only looks old, because the byte that says so was hit: then a sum fits.
    std::string sealed = head;
    sealed[0] = kSealed;
    if (has_sum(sums, record.revision, sealed)) head.clear();
    return;
  }
  head.resize(has_sum(sums, record.revision, head) ? head.size() - sizeof(Sum) : 0);
}

void check_fixed(const Sums& sums, JobRecord& record) {
  std::string& fixed = record.fixed;
  if (fixed.empty()) return;
  if (fixed[0] != kMark) {
    // Only a log from before ABI 2.0 has one without the mark.
    if (!record.head.empty() && plain_until(record) == 0) fixed.clear();
    return;
  }
  const std::string_view all = fixed;
  const bool fits = all.size() >= kMarked &&
                    all.substr(1, sizeof(Sum)) == view(sums.of_fixed(all.substr(kMarked)));
  fits ? fixed.erase(0, kMarked) : fixed.erase();
}

Damage damaged_record(const std::string& job_id) {
  return {job_id, 0,
          "the record of job '" + job_id +
              "' is damaged in the store: restore it from a backup or an export"};
}

// The seq of the line that a slice ends at, or before, because it is not good.
using Bad = std::optional<std::uint64_t>;

Damage damaged_line(const std::string& job_id, std::uint64_t seq) {
  return {job_id, seq,
          "event " + std::to_string(seq) + " of job '" + job_id +
              "' is damaged in the store: it is not what was written; restore it from a backup or "
              "an export, or go on behind it (since_seq " +
              std::to_string(seq) + ")"};
}

// Lines of "slice" that are good, without their seals, in place: what is read is never
// behind what is written.
class Opening {
 public:
  Opening(const Sums& sums, Slice& slice) : sums_(sums), slice_(slice) {}

  // Whether line "i" is good.  Takes it over to "to", where it is.
  bool take(std::size_t i, std::uint64_t plain_until, std::size_t& to) {
    const std::size_t begin = i == 0 ? 0 : ends_before_;
    const std::size_t end = slice_.ends[i];
    ends_before_ = end;
    const std::uint64_t seq = slice_.from + i;
    const std::size_t seal = seq > plain_until ? kSealBytes : 0;
    if (end < begin + seal + 1 || end > slice_.events.size()) return false;
    const std::string_view line =
        std::string_view(slice_.events).substr(begin, end - 1 - seal - begin);
    // An old line has no seal to tell; a sealed one that a head takes for old must not show it.
    if (seal == 0 && (line.empty() || line.back() != '}')) return false;
    if (seal != 0 && std::string_view(slice_.events).substr(end - 1 - seal, seal) !=
                         view(sums_.of_line(seq, line)))
      return false;
    std::memmove(slice_.events.data() + to, line.data(), line.size());
    to += line.size();
    slice_.events[to++] = '\n';
    return true;
  }

 private:
  const Sums& sums_;
  Slice& slice_;
  std::size_t ends_before_ = 0;
};

// The lines up to the first that is not good.
Bad open_forward(const Sums& sums, std::uint64_t plain, Slice& slice) {
  Opening opening(sums, slice);
  std::size_t to = 0, good = 0;
  while (good < slice.ends.size() && opening.take(good, plain, to))
    slice.ends[good++] = static_cast<std::uint32_t>(to);
  const Bad bad = good < slice.ends.size() ? Bad(slice.from + good) : std::nullopt;
  slice.events.resize(to);
  slice.ends.resize(good);
  return bad;
}

// The lines behind the last that is not good.
Bad open_backward(const Sums& sums, std::uint64_t plain, Slice& slice) {
  Opening opening(sums, slice);
  std::size_t to = 0, first = 0;
  std::vector<std::uint32_t> ends;
  for (std::size_t i = 0; i < slice.ends.size(); ++i) {
    if (opening.take(i, plain, to)) {
      ends.push_back(static_cast<std::uint32_t>(to));
    } else {
      first = i + 1, to = 0;
      ends.clear();
    }
  }
  const Bad bad = first > 0 ? Bad(slice.from + first - 1) : std::nullopt;
  slice.events.resize(to);
  slice.from += first;
  slice.ends = std::move(ends);
  return bad;
}

}  // namespace

// Head format 2 begins with its number and this one, both LEB128 (JobHead).
std::uint64_t plain_until(const JobRecord& record) {
  if (is_old(record.head)) return record.head_seq;
  std::uint64_t value = 0;
  for (std::size_t i = 1; i < record.head.size() && i <= 10; ++i) {
    const auto byte = static_cast<std::uint8_t>(record.head[i]);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * (i - 1));
    if (byte < 0x80) break;
  }
  return value;
}

CheckedStore::CheckedStore(Store& store, Found found, Stale stale)
    : store_(store),
      found_(found ? std::move(found) : [](const Damage&) {}),
      stale_(stale ? std::move(stale) : [] {}) {}

template <class Ask>
auto CheckedStore::asking(Ask&& ask) const try {
  return ask();
} catch (const Error& error) {
  if (error.code() == Code::stale) stale_();
  throw;
}

std::vector<Outcome> CheckedStore::commit(std::span<const Entry> entries) {
  std::vector<std::unique_ptr<Sealed>> sealed;
  std::vector<Entry> out;
  for (const Entry& entry : entries) {
    sealed.push_back(std::make_unique<Sealed>(entry));
    out.push_back(sealed.back()->entry);
  }
  return asking([&] { return store_.commit(out); });
}

// What the store behind finds by itself is told as what is found here.
template <class Read>
auto CheckedStore::reading(std::string_view job_id, std::uint64_t seq, Read&& read) const try {
  return asking(std::forward<Read>(read));
} catch (const Damage& damage) {
  found_(damage);
  throw;
} catch (const Error& error) {
  if (error.code() != Code::corruption) throw;
  const Damage damage(std::string(job_id), seq, error.what());
  found_(damage);
  throw Damage(damage);
}

std::optional<Slice> CheckedStore::read(std::string_view job_id, std::uint64_t from,
                                        std::size_t max_events, std::size_t max_bytes,
                                        Direction direction) const {
  return reading(job_id, from, [&]() -> std::optional<Slice> {
    auto slice = store_.read(job_id, from, max_events, max_bytes, direction);
    if (!slice) return slice;
    const Sums sums(job_id);
    check_head(sums, slice->job);
    if (slice->job.head.empty()) throw damaged_record(slice->job.job_id);
    const std::uint64_t plain = plain_until(slice->job);
    const Bad bad = direction == Direction::forward ? open_forward(sums, plain, *slice)
                                                    : open_backward(sums, plain, *slice);
    if (bad && slice->ends.empty()) throw damaged_line(slice->job.job_id, *bad);
    if (bad) found_(damaged_line(slice->job.job_id, *bad));
    return slice;
  });
}

void CheckedStore::check(JobRecord& record) const {
  const Sums sums(record.job_id);
  const bool has_fixed = !record.fixed.empty();
  check_head(sums, record);
  check_fixed(sums, record);
  if (record.head.empty() || (has_fixed && record.fixed.empty()))
    found_(damaged_record(record.job_id));
}

std::optional<JobRecord> CheckedStore::find(std::string_view job_id) const {
  return reading(job_id, 0, [&] {
    auto record = store_.find(job_id);
    if (record) check(*record);
    return record;
  });
}

JobPage CheckedStore::list(const ListQuery& query) const {
  auto page = asking([&] { return store_.list(query); });
  for (JobRecord& record : page.jobs) check(record);
  return page;
}

}  // namespace domed
