#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace domed {

// One event as a batch carries it: {"type":...,"payload":{...}}; stamped() adds "t".
using EncodedEvent = std::string;

// The event with the time when it happened, microseconds since 1970.
EncodedEvent stamped(std::string_view event, std::int64_t t);

// The longest payload, in encoded bytes, that the cutter makes; an event may be
// 64 KiB with everything that the daemon adds.
inline constexpr std::size_t kMaxPayload = 60 * 1024;

// A piece of a stream: at most one line.
struct Piece {
  std::string_view bytes;  // without the LF; valid during the callback only
  bool text = false;       // the bytes are UTF-8
  bool eol = false;        // an LF followed
  bool whole = false;      // begins where a line began
};

// How many bytes "bytes" take inside a JSON string.
std::size_t escaped_size(std::string_view bytes);

// Cuts a stream of bytes into pieces.  A line ends at LF only.  What is joined
// again (bytes, and LF where eol) is what was fed, whatever the chunks were.
// Keeps at most one piece of unterminated line in memory.
class LineCutter {
 public:
  // Calls "emit(const Piece&)" for each line, and for parts of a line that does
  // not fit one payload.
  template <class Emit>
  void feed(std::string_view bytes, Emit&& emit) {
    for (std::size_t lf; (lf = bytes.find('\n')) != std::string_view::npos;) {
      finish_line(bytes.substr(0, lf), emit);
      bytes.remove_prefix(lf + 1);
    }
    hold(bytes);
    cut_long(emit);
  }

  // Emits the unterminated line.  A multibyte character that is not complete
  // yet stays, unless "all".
  template <class Emit>
  void flush(bool all, Emit&& emit) {
    const std::size_t length = pending_.size() - (all ? 0 : incomplete_tail());
    if (length == 0) return;
    cut(std::string_view(pending_).substr(0, length), false, emit);
    drop(length);
    line_begins_ = false;
  }

  // flush(false) would emit something.
  bool can_flush() const { return pending_.size() > incomplete_tail(); }

 private:
  struct Length {
    std::size_t bytes;
    bool text;
  };

  template <class Emit>
  void finish_line(std::string_view rest, Emit&& emit) {
    if (pending_.empty()) {
      cut(rest, true, emit);
    } else {
      hold(rest);
      cut(pending_, true, emit);
      drop(pending_.size());
    }
    line_begins_ = true;
  }

  template <class Emit>
  void cut(std::string_view line, bool eol, Emit&& emit) {
    do {
      const Length length = first_piece(line);
      const bool last = length.bytes == line.size();
      emit(Piece{line.substr(0, length.bytes), length.text, eol && last, line_begins_});
      line_begins_ = false;
      line.remove_prefix(length.bytes);
    } while (!line.empty());
  }

  template <class Emit>
  void cut_long(Emit&& emit) {
    std::string_view rest = pending_;
    while (pending_size_ > kMaxString) {
      const Length length = first_piece(rest);
      emit(Piece{rest.substr(0, length.bytes), length.text, false, line_begins_});
      line_begins_ = false;
      pending_size_ -= escaped_size(rest.substr(0, length.bytes));
      rest.remove_prefix(length.bytes);
    }
    pending_.erase(0, pending_.size() - rest.size());
  }

  void hold(std::string_view bytes);
  void drop(std::size_t bytes);
  std::size_t incomplete_tail() const;
  static Length first_piece(std::string_view line);

  static constexpr std::size_t kMaxString = kMaxPayload - 256;       // the keys take the rest
  static constexpr std::size_t kMaxBinary = kMaxString / 4 * 3 - 3;  // its base64 fits

  std::string pending_;
  std::size_t pending_size_ = 0;  // escaped
  bool line_begins_ = true;
};

// Makes `log` and `progress` events of a stream.  "stream" is a plain word.
class LogEncoder {
 public:
  // "progress_lines": PROGRESS:0.5 says what "::progress 0.5" always does.
  explicit LogEncoder(std::string stream, bool progress_lines = false)
      : stream_(std::move(stream)), progress_lines_(progress_lines) {}

  void feed(std::string_view bytes, std::vector<EncodedEvent>& out);
  void flush(bool all, std::vector<EncodedEvent>& out);
  bool can_flush() const { return cutter_.can_flush(); }

 private:
  void encode(const Piece& piece, std::vector<EncodedEvent>& out);

  std::string stream_;
  bool progress_lines_;
  LineCutter cutter_;
};

// "payload" is a JSON object.
EncodedEvent encode_event(std::string_view type, std::string_view payload);

}  // namespace domed
