#include "runner/stream.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/json.h"

namespace domed {
namespace {

constexpr std::size_t kChunk = 64 * 1024;
constexpr int kChunksPerTurn = 4;  // so that one stream cannot starve the other
// Short lines grow when they become events; what was read ahead delays a cancel.
constexpr std::size_t kEventsPerTurn = 1000;

EncodedEvent limit_event(std::uint64_t limit) {
  const OrderedJson payload = {
      {"error", "output_limit"},
      {"limit", limit},
      {"message",
       "the job wrote more than the deployment's max_output; the rest is counted and dropped"}};
  return encode_event("error", payload.dump());
}

}  // namespace

bool Stream::read(std::vector<EncodedEvent>& out) {
  char buffer[kChunk];
  for (int turn = 0; turn < kChunksPerTurn; ++turn) {
    const ssize_t n = ::read(fd_.get(), buffer, sizeof buffer);
    if (n > 0) {
      take({buffer, static_cast<std::size_t>(n)}, out);
      if (out.size() > kEventsPerTurn) return false;
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return true;
    end_ = n == 0 || errno == EIO ? "eof" : "closed";  // EIO: a terminal that nobody has open
    fd_.reset();
    return true;
  }
  return false;
}

// What is held is as old as its first byte.
void Stream::take(std::string_view bytes, std::vector<EncodedEvent>& out) {
  const bool held = masked_.holds();
  passed_.clear();
  masked_.feed(bytes, passed_);
  if (!held || !passed_.empty()) held_since_ = Clock::now();
  keep(passed_, out);
}

void Stream::release(std::vector<EncodedEvent>& out) {
  passed_.clear();
  masked_.release(passed_);
  keep(passed_, out);
}

void Stream::keep(std::string_view bytes, std::vector<EncodedEvent>& out) {
  if (bytes.empty()) return;
  // Above the limit it is read and counted, but not kept: a job that is not read would stand still
  // at its next write, and one that writes too much is not stopped for that.
  const std::size_t wanted = std::min<std::uint64_t>(bytes.size(), budget_.left);
  budget_.left -= wanted;
  bytes_ += wanted;
  dropped_ += bytes.size() - wanted;
  const std::size_t before = out.size();
  const bool pending = encoder_.can_flush();
  encoder_.feed(bytes.substr(0, wanted), out);
  if (!pending || out.size() > before) pending_since_ = Clock::now();
  if (wanted == bytes.size() || budget_.told) return;
  budget_.told = true;
  encoder_.flush(true, out);
  out.push_back(limit_event(budget_.limit));
}

Stream::Clock::time_point Stream::release_at() const {
  return masked_.holds() ? held_since_ + kHold : Clock::time_point::max();
}

Stream::Clock::time_point Stream::flush_at() const {
  const auto line = encoder_.can_flush() ? pending_since_ + patience_ : Clock::time_point::max();
  return std::min(line, release_at());
}

void Stream::flush(Clock::time_point now, std::vector<EncodedEvent>& out) {
  if (now >= release_at()) release(out);
  if (encoder_.can_flush() && now >= pending_since_ + patience_) encoder_.flush(false, out);
}

void Stream::finish(std::vector<EncodedEvent>& out) {
  release(out);
  encoder_.flush(true, out);
  fd_.reset();
  OrderedJson payload = {
      {"stream", name_}, {"end", end_}, {"bytes", bytes_}, {"dropped", dropped_}};
  if (masked_.count() > 0) payload["masked"] = masked_.count();
  out.push_back(encode_event("stream_end", payload.dump()));
}

}  // namespace domed
