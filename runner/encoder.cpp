#include "runner/encoder.h"

#include <array>
#include <charconv>
#include <cstdint>

#include "base/json.h"
#include "domed/support/hash.h"

namespace domed {
namespace {

constexpr std::array<std::uint8_t, 256> escape_costs() {
  std::array<std::uint8_t, 256> costs{};
  // As the kernel's encoder would write them: a payload is kept as it comes, so that its size has
  // to be right here.
  for (std::size_t byte = 0; byte < costs.size(); ++byte) costs[byte] = byte < 0x20 ? 6 : 1;
  for (const char c : {'"', '\\', '\b', '\t', '\n', '\f', '\r'})
    costs[static_cast<std::uint8_t>(c)] = 2;
  return costs;
}

constexpr auto kCosts = escape_costs();

std::size_t cost(char c) {
  return kCosts[static_cast<std::uint8_t>(c)];
}

bool is_continuation(char c) {
  return (static_cast<std::uint8_t>(c) & 0xc0) == 0x80;
}

// How long a character is that begins with "lead"; 1 for what begins none.
std::size_t character_length(char lead) {
  const auto byte = static_cast<std::uint8_t>(lead);
  // What no UTF-8 begins with is a character of one byte here; is_utf8() finds it afterwards.
  if (byte >= 0xf0 && byte < 0xf5) return 4;
  if (byte >= 0xe0) return byte < 0xf0 ? 3 : 1;
  return byte >= 0xc2 ? 2 : 1;
}

void append_escape(char c, std::string& out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\b':
      out += "\\b";
      break;
    case '\t':
      out += "\\t";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\f':
      out += "\\f";
      break;
    case '\r':
      out += "\\r";
      break;
    default:
      out += "\\u00";
      out += kDigits[c >> 4];
      out += kDigits[c & 15];
  }
}

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (cost(text[i]) == 1) continue;
    out += text.substr(plain, i - plain);
    append_escape(text[i], out);
    plain = i + 1;
  }
  out += text.substr(plain);
  out += '"';
}

// "::progress 0.42 message" gives a progress payload and, with "progress_lines", "PROGRESS:0.42
// message" too; everything else "".
std::string progress_payload(std::string_view line, bool progress_lines) {
  constexpr std::string_view kMark = "::progress ", kLine = "PROGRESS:";
  if (line.starts_with(kMark)) {
    line.remove_prefix(kMark.size());
  } else if (progress_lines && line.starts_with(kLine)) {
    line.remove_prefix(kLine.size());
    while (line.starts_with(' ')) line.remove_prefix(1);
  } else {
    return "";
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  if (error != std::errc() || !(value >= 0 && value <= 1)) return "";
  if (!line.empty() && line[0] != ' ') return "";
  if (!line.empty()) line.remove_prefix(1);
  std::string out = "{\"value\":" + Json(value).dump() + ",\"message\":";
  append_json_string(line, out);
  return out + "}";
}

}  // namespace

std::size_t escaped_size(std::string_view bytes) {
  std::size_t size = 0;
  for (const char c : bytes) size += cost(c);
  return size;
}

void LineCutter::hold(std::string_view bytes) {
  pending_ += bytes;
  pending_size_ += escaped_size(bytes);
}

void LineCutter::drop(std::size_t bytes) {
  pending_.erase(0, bytes);
  pending_size_ = escaped_size(pending_);
}

std::size_t LineCutter::incomplete_tail() const {
  for (std::size_t back = 1; back <= 3 && back <= pending_.size(); ++back) {
    const char c = pending_[pending_.size() - back];
    if (!is_continuation(c)) return character_length(c) > back ? back : 0;
  }
  return 0;
}

LineCutter::Length LineCutter::first_piece(std::string_view line) {
  std::size_t length = 0;
  for (std::size_t size = 0; length < line.size(); ++length)
    if ((size += cost(line[length])) > kMaxString) break;
  // Not in the middle of a character: the piece would be binary, and the next one too.
  if (length < line.size())
    for (std::size_t back = 0; back < 3 && is_continuation(line[length]); ++back) --length;
  // For the whole piece: one stray byte makes all of it base64, for there is no way to mix them.
  if (is_utf8(line.substr(0, length))) return {length, true};
  return {std::min(line.size(), kMaxBinary), false};
}

EncodedEvent encode_event(std::string_view type, std::string_view payload) {
  EncodedEvent out = "{\"type\":\"";
  out += type;
  out += "\",\"payload\":";
  out += payload;
  out += '}';
  return out;
}

EncodedEvent stamped(std::string_view event, std::int64_t t) {
  EncodedEvent out = "{\"t\":" + std::to_string(t) + ',';
  out.reserve(out.size() + event.size());
  return out += event.substr(1);
}

void LogEncoder::feed(std::string_view bytes, std::vector<EncodedEvent>& out) {
  cutter_.feed(bytes, [&](const Piece& piece) { encode(piece, out); });
}

void LogEncoder::flush(bool all, std::vector<EncodedEvent>& out) {
  cutter_.flush(all, [&](const Piece& piece) { encode(piece, out); });
}

void LogEncoder::encode(const Piece& piece, std::vector<EncodedEvent>& out) {
  EncodedEvent event = "{\"type\":\"log\",\"payload\":{\"stream\":\"" + stream_ + "\",";
  event.reserve(event.size() + piece.bytes.size() + 64);
  if (piece.text) {
    event += "\"text\":";
    append_json_string(piece.bytes, event);
  } else {
    event += "\"b64\":\"" + to_base64(piece.bytes) + '"';
  }
  event += piece.eol ? "}}" : ",\"eol\":false}}";
  out.push_back(std::move(event));
  // Only a line that came whole: a part of one may look like progress and be none.  The line itself
  // stays in the log, and in its totals (TerminalLast).
  if (!piece.text || !piece.eol || !piece.whole) return;
  const std::string progress = progress_payload(piece.bytes, progress_lines_);
  if (!progress.empty()) out.push_back(encode_event("progress", progress));
}

}  // namespace domed
