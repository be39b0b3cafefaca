#include "rows.h"

#include <cstddef>

namespace domed {
namespace {

constexpr std::size_t kLength = 2;

void put_length(std::string& bytes, std::size_t length) {
  bytes += static_cast<char>(length & 0xff);
  bytes += static_cast<char>(length >> 8);
}

std::size_t length_of(std::string_view bytes) {
  return static_cast<unsigned char>(bytes[0]) +
         (std::size_t{static_cast<unsigned char>(bytes[1])} << 8);
}

}  // namespace

std::string packed(const std::vector<std::string>& tags) {
  std::string bytes;
  for (const std::string& tag : tags) {
    put_length(bytes, tag.size());
    bytes += tag;
  }
  return bytes;
}

bool is_packed(std::string_view bytes, const std::vector<std::string>& tags) {
  for (const std::string& tag : tags) {
    if (bytes.size() < kLength + tag.size() || length_of(bytes) != tag.size()) return false;
    if (bytes.substr(kLength, tag.size()) != tag) return false;
    bytes.remove_prefix(kLength + tag.size());
  }
  return bytes.empty();
}

std::vector<std::string> unpacked(std::string_view bytes) {
  std::vector<std::string> tags;
  while (bytes.size() >= kLength && bytes.size() - kLength >= length_of(bytes)) {
    tags.emplace_back(bytes.substr(kLength, length_of(bytes)));
    bytes.remove_prefix(kLength + tags.back().size());
  }
  return tags;
}

JobRecord record_of(sqlite::Query& row, bool with_fixed) {
  JobRecord job;
  job.job_id = row.bytes();
  job.columns.created = row.integer();
  job.first_seq = static_cast<std::uint64_t>(row.integer());
  job.head_seq = static_cast<std::uint64_t>(row.integer());
  job.tombstone = row.integer() != 0;
  job.columns.unfinished = row.integer() != 0;
  job.columns.state = row.bytes();
  job.columns.tags = unpacked(row.bytes());
  job.revision = row.bytes();
  job.head = row.bytes();
  if (with_fixed) job.fixed = row.bytes();
  return job;
}

}  // namespace domed
