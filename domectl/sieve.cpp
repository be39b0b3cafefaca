#include "domectl/sieve.h"

#include <utility>

namespace domed::ctl {

Sieve::Sieve(const View& view, Show show, std::function<void()> gap)
    : view_(view), show_(std::move(show)), gap_(std::move(gap)) {}

void Sieve::take(std::string_view line, const EventLine& event) {
  if (event.seq <= std::exchange(last_, std::max(last_, event.seq))) return;
  if (!view_.sifts()) return show_(line, event);
  if (!view_.level.empty()) {
    if (shows_complaint(view_, event)) show_(line, event);
    return;
  }
  const auto output = event.type == "log" ? read_output(event.payload) : std::nullopt;
  if (output ? !shows(view_, *output) : view_.matcher.has_value()) return;
  view_.matcher ? search(line, event, *output) : show_(line, event);
}

void Sieve::search(std::string_view line, const EventLine& event, const Output& output) {
  std::string_view text = output.bytes;
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (view_.matcher->in(text)) {
    if (std::exchange(left_out_, false) && shown_ && view_.before + view_.after > 0) gap_();
    for (const auto& earlier : std::exchange(before_, {}))
      show_(earlier, *read_event_line(earlier));
    give(line, event);
    after_ = view_.after;
  } else if (after_ > 0) {
    --after_;
    give(line, event);
  } else {
    before_.emplace_back(line);
    if (before_.size() <= view_.before) return;
    before_.pop_front();
    left_out_ = true;
  }
}

void Sieve::give(std::string_view line, const EventLine& event) {
  show_(line, event);
  shown_ = true;
}

// As part of the text, and not around it: what colours it had itself end with a match.
std::string highlighted(const View& view, const std::string& text, bool colours) {
  if (!view.matcher || !colours) return text;
  const std::string_view line =
      std::string_view(text).substr(0, text.ends_with('\n') ? text.size() - 1 : text.size());
  std::string out;
  std::size_t at = 0;
  for (std::size_t from = 0; const auto found = view.matcher->find(line, from);) {
    if (found->end > found->begin) {
      out.append(line, at, found->begin - at).append("\033[1;31m");
      out.append(line, found->begin, found->end - found->begin).append("\033[0m");
      at = found->end;
    }
    from = std::max(found->end, found->begin + 1);
  }
  return out + text.substr(at);
}

}  // namespace domed::ctl
