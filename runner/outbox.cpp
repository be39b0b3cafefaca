#include "runner/outbox.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/json.h"

namespace domed {
namespace {

std::string line_head(const Spec& spec) {
  return "{\"job_id\":" + json_string(spec.job_id) +
         ",\"producer_id\":" + json_string(spec.producer_id) + ",\"batch\":";
}

}  // namespace

Outbox::Outbox(const Spec& spec, Spool& spool)
    : head_(line_head(spec)),
      max_spool_(spec.max_spool),
      max_ahead_(std::min(spec.max_ahead, spec.max_spool)),
      times_(spec.times),
      spool_(spool) {}

void Outbox::add(EncodedEvent event, std::int64_t t) {
  if (times_) event = stamped(event, t);
  const bool full = open_.size() >= kMaxEvents || bytes_ + event.size() > kMaxBytes;
  if (full && !open_.empty() && !refused_) close();
  bytes_ += event.size();
  open_.push_back(std::move(event));
}

void Outbox::add(std::vector<EncodedEvent> events, std::int64_t t) {
  for (auto& event : events) add(std::move(event), t);
}

// More than one batch is open only after the disk refused one.
bool Outbox::close() {
  while (!open_.empty()) {
    std::size_t count = 0;
    for (std::size_t bytes = 0; count < open_.size() && count < kMaxEvents; ++count)
      if ((bytes += open_[count].size()) > kMaxBytes && count > 0) break;
    if (!close_first(count)) return false;
  }
  return true;
}

bool Outbox::close_first(std::size_t count) {
  std::string line = head_ + std::to_string(batch_ + 1) + ",\"events\":[";
  line.reserve(line.size() + bytes_ + count + 2);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) line += ',';
    line += open_[i];
  }
  line += "]}";
  const bool written = spool_.append(batch_ + 1, line);
  // Once, not for each attempt: it goes to the run's own log, on the disk that is full.
  if (!written && !refused_)
    std::fprintf(stderr, "the spool cannot be written: %s; the job waits for space\n",
                 std::strerror(errno));
  refused_ = !written;
  // The number is used by the line that is in the spool, never by one that could not be written: a
  // hole would make the daemon wait for a batch that never comes.
  if (!written) return false;
  ++batch_;
  for (std::size_t i = 0; i < count; ++i) bytes_ -= open_[i].size();
  open_.erase(open_.begin(), open_.begin() + static_cast<std::ptrdiff_t>(count));
  return true;
}

}  // namespace domed
