#include "domectl/job_screen.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/units.h"
#include "domectl/screen_line.h"
#include "domectl/table.h"
#include "domectl/when.h"

namespace domed::ctl {
namespace {

// What terminals send for the keys that are no characters, behind ESC.
constexpr std::array<std::pair<std::string_view, Key::Kind>, 14> kSequences{
    {{"[A", Key::Kind::up},
     {"OA", Key::Kind::up},
     {"[B", Key::Kind::down},
     {"OB", Key::Kind::down},
     {"[5~", Key::Kind::page_up},
     {"[6~", Key::Kind::page_down},
     {"[H", Key::Kind::first},
     {"OH", Key::Kind::first},
     {"[1~", Key::Kind::first},
     {"[7~", Key::Kind::first},
     {"[F", Key::Kind::last},
     {"OF", Key::Kind::last},
     {"[4~", Key::Kind::last},
     {"[8~", Key::Kind::last}}};

// How many bytes an escape sequence at the front of "bytes" has, behind its ESC.
std::size_t sequence_bytes(std::string_view bytes) {
  if (bytes.empty() || (bytes[0] != '[' && bytes[0] != 'O')) return 0;
  std::size_t size = 1;
  while (size < bytes.size() && (bytes[size] < '@' || bytes[size] > '~')) ++size;
  return std::min(size + 1, bytes.size());
}

// With as much as fits of "text", which is visible().
std::string cut(const std::string& text, std::size_t columns) {
  if (columns_of_text(text) <= columns) return text;
  return columns > 3 ? fitting(text, columns - 3) + "..." : fitting(text, columns);
}

// The whole line in the other colours, which can be read on dark and on light.
std::string inverse(const std::string& text, std::size_t columns) {
  const std::size_t used = columns_of_text(text);
  return "\033[7m" + text + std::string(columns - std::min(columns, used), ' ') + "\033[0m";
}

}  // namespace

std::vector<Key> keys_of(std::string_view bytes) {
  std::vector<Key> out;
  while (!bytes.empty()) {
    std::size_t size = character_bytes(bytes);
    const unsigned char c = static_cast<unsigned char>(bytes[0]);
    if (c == 0x1b) {
      const std::size_t rest = sequence_bytes(bytes.substr(1));
      size = 1 + rest;
      if (rest == 0) out.push_back({Key::Kind::escape});
      for (const auto& [sequence, kind] : kSequences)
        if (bytes.substr(1, rest) == sequence) out.push_back({kind});
    } else if (c == '\r' || c == '\n') {
      out.push_back({Key::Kind::enter});
    } else if (c == 0x7f || c == '\b') {
      out.push_back({Key::Kind::erase});
    } else if (c == 0x03) {
      out.push_back({Key::Kind::leave});
    } else if (c >= 0x20) {
      out.push_back({Key::Kind::text, std::string(bytes.substr(0, size))});
    }
    bytes.remove_prefix(size);
  }
  return out;
}

void JobScreen::take(std::vector<OrderedJson> jobs, bool more) {
  all_ = std::move(jobs), more_ = more;
  arrange();
}

void JobScreen::arrange() {
  shown_.clear();
  for (const auto& job : all_)
    if (fits(job)) shown_.push_back(job);
  std::stable_sort(shown_.begin(), shown_.end(),
                   [this](const auto& a, const auto& b) { return is_before(a, b, order_); });
  if (chosen()) return;
  // Nobody is asked about one job and answers for another.
  if (asks_ == Asks::cancel) asks_ = Asks::nothing, said_ = "the job is not there any more";
  if (!shown_.empty()) chosen_ = field(shown_[std::min(top_, shown_.size() - 1)], "job_id");
}

bool JobScreen::fits(const OrderedJson& job) const {
  return filter_.empty() || mentions(job, filter_);
}

const OrderedJson* JobScreen::chosen() const {
  const std::size_t row = chosen_row();
  return row < shown_.size() ? &shown_[row] : nullptr;
}

std::size_t JobScreen::chosen_row() const {
  const auto found = std::find_if(shown_.begin(), shown_.end(), [this](const auto& job) {
    return field(job, "job_id") == chosen_;
  });
  return static_cast<std::size_t>(found - shown_.begin());
}

void JobScreen::move(std::ptrdiff_t by) {
  if (shown_.empty()) return;
  const auto last = static_cast<std::ptrdiff_t>(shown_.size()) - 1;
  const auto row =
      std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(chosen_row()) + by, 0, last);
  chosen_ = field(shown_[static_cast<std::size_t>(row)], "job_id");
}

JobScreen::Wish JobScreen::press(const Key& key) {
  said_.clear();
  if (key.kind == Key::Kind::leave) return Wish::leave;
  if (std::exchange(helps_, false)) return Wish::none;
  if (asks_ == Asks::filter) return press_in_filter(key), Wish::none;
  if (std::exchange(asks_, Asks::nothing) == Asks::cancel) {
    if (key.is("y") || key.is("Y")) return Wish::cancel;
    said_ = "nothing was done";
    return Wish::none;
  }
  return press_in_list(key);
}

JobScreen::Wish JobScreen::press_in_list(const Key& key) {
  constexpr std::ptrdiff_t kFar = 1'000'000'000;
  const auto page = static_cast<std::ptrdiff_t>(std::max<std::size_t>(room_, 2) - 1);
  switch (key.kind) {
    case Key::Kind::up:
      return move(-1), Wish::none;
    case Key::Kind::down:
      return move(1), Wish::none;
    case Key::Kind::page_up:
      return move(-page), Wish::none;
    case Key::Kind::page_down:
      return move(page), Wish::none;
    case Key::Kind::first:
      return move(-kFar), Wish::none;
    case Key::Kind::last:
      return move(kFar), Wish::none;
    case Key::Kind::enter:
      return chosen() ? Wish::follow : Wish::none;
    case Key::Kind::escape:
      filter_.clear(), arrange();
      return Wish::none;
    default:
      break;
  }
  if (key.is("q")) return Wish::leave;
  if (key.is("k")) move(-1);
  if (key.is("j") || key.is(" ")) move(key.is("j") ? 1 : page);
  if (key.is("g")) move(-kFar);
  if (key.is("G")) move(kFar);
  if (key.is("/")) asks_ = Asks::filter;
  if (key.is("h") || key.is("?")) helps_ = true;
  if (key.is("s") || key.is("r")) {
    if (key.is("s"))
      order_.by = static_cast<Order>((static_cast<std::size_t>(order_.by) + 1) % kOrders.size());
    order_.reversed = key.is("r") && !order_.reversed;
    arrange();
  }
  if (!chosen()) return Wish::none;
  const int rank = rank_of(*chosen());
  if (key.is("c")) {
    if (rank < kRankOfEnded)
      asks_ = Asks::cancel;
    else
      said_ = "it is over";
  }
  if (key.is("p")) {
    if (rank < 2) return rank == 0 ? Wish::pause : Wish::resume;
    said_ = "only a job that runs can be paused";
  }
  return Wish::none;
}

void JobScreen::press_in_filter(const Key& key) {
  if (key.kind == Key::Kind::enter) asks_ = Asks::nothing;
  if (key.kind == Key::Kind::escape) asks_ = Asks::nothing, filter_.clear();
  if (key.kind == Key::Kind::text) filter_ += key.text;
  if (key.kind == Key::Kind::erase && !filter_.empty()) {
    // Of a character all bytes.
    std::size_t size = filter_.size() - 1;
    while (size > 0 && (static_cast<unsigned char>(filter_[size]) & 0xc0) == 0x80) --size;
    filter_.resize(size);
  }
  arrange();
}

std::string JobScreen::head(std::int64_t now) const {
  std::map<int, std::pair<std::string, std::size_t>> counts;
  for (const auto& job : all_) {
    auto& [state, count] = counts[rank_of(job)];
    state = state_of(job), ++count;
  }
  std::string out;
  for (const auto& [rank, count] : counts)
    out += (out.empty() ? "" : ", ") + std::to_string(count.second) + " " + count.first;
  if (out.empty()) out = "no jobs";
  // Else what is first in another order would seem to be the first of all.
  if (more_) out = "the newest " + std::to_string(all_.size()) + ": " + out;
  out += "; by " + std::string(kOrders[static_cast<std::size_t>(order_.by)]) +
         (order_.reversed ? " (reversed)" : "");
  if (!filter_.empty())
    out += "; " + std::to_string(shown_.size()) + " with '" + visible(filter_) + "'";
  return out + "; " + local_time(format_time(now));
}

// What the table has no room for.
std::string JobScreen::about_chosen() const {
  const OrderedJson* const job = chosen();
  if (!job) return "";
  std::string out = field(*job, "job_id");
  if (const std::string why = field(*job, "waiting"); !why.empty()) return out + " waits: " + why;
  if (const std::string message = field(*job, "message"); !message.empty())
    return out + ": " + message;
  return out + ": " + what_text(*job);
}

std::string JobScreen::foot(std::size_t columns) const {
  if (asks_ == Asks::filter) return "/" + visible(filter_) + "_";
  if (asks_ == Asks::cancel) {
    const std::string name = field(*chosen(), "name");
    return "cancel " + field(*chosen(), "job_id").substr(0, 8) +
           (name.empty() ? "" : " (" + name + ")") + "? [y/N]";
  }
  if (!said_.empty() || !trouble_.empty()) return visible(said_.empty() ? trouble_ : said_);
  const std::string all =
      "q leave  Enter follow  c cancel  p pause  / filter  s sort  r reverse  h help";
  return all.size() <= columns ? all : "q leave  Enter follow  c cancel  h help";
}

std::vector<std::string> JobScreen::help() const {
  return {"  up, down, k, j   choose a job",
          "  PgUp, PgDn       a page; Home, End or g, G: the first, the last",
          "  Enter            follow it; that ends with it, or with Ctrl-C",
          "  c                cancel it, after a question",
          "  p                pause it, or let it go on",
          "  /                show only jobs that have a text: id, name, state, command, labels;",
          "                   Enter keeps that, Esc shows all again",
          "  s, r             another order; the other way round",
          "  q, Ctrl-C        leave",
          "",
          "  any key goes back"};
}

std::vector<std::string> JobScreen::lines(std::size_t rows, std::size_t columns, std::int64_t now,
                                          const Colours& colours) {
  // A head and a foot of two lines each.
  room_ = std::max<std::size_t>(rows, 5) - 4;
  const std::size_t row = std::min(chosen_row(), shown_.empty() ? 0 : shown_.size() - 1);
  top_ = std::clamp(top_, row + 1 - std::min(row + 1, room_), row);
  top_ = std::min(top_, shown_.size() - std::min(shown_.size(), room_));
  const auto plain = helps_ ? help() : table_.lines(shown_, now, columns, Colours(false));
  const auto table = helps_ ? plain : table_.lines(shown_, now, columns, colours);
  std::vector<std::string> out{colours.dim(cut(head(now), columns)), helps_ ? "" : table[0]};
  for (std::size_t i = 0; i < room_; ++i) {
    const std::size_t at = top_ + i;
    if (helps_)
      out.push_back(i < plain.size() ? cut(plain[i], columns) : "");
    else if (at >= shown_.size())
      out.emplace_back();
    else
      out.push_back(at == row ? inverse(plain[at + 1], columns) : table[at + 1]);
  }
  out.push_back(colours.dim(cut(about_chosen(), columns)));
  out.push_back(cut(foot(columns), columns));
  out.resize(std::min(out.size(), rows));
  return out;
}

}  // namespace domed::ctl
