#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domectl/columns.h"
#include "domectl/job_order.h"

namespace domed::ctl {

// What somebody pressed.
struct Key {
  enum class Kind { text, enter, escape, erase, up, down, page_up, page_down, first, last, leave };
  Kind kind = Kind::text;
  std::string text = {};  // one character

  bool is(std::string_view letter) const { return kind == Kind::text && text == letter; }
};

// The keys that a terminal sent, in its bytes; what is none of these is left out.
std::vector<Key> keys_of(std::string_view bytes);

// The screen of 'domectl list --watch': which jobs it shows in what order, which one is chosen, and
// what a key does.  Knows no terminal and no daemon.
class JobScreen {
 public:
  // What is to be done with the chosen job.
  enum class Wish { none, leave, follow, cancel, pause, resume };

  // "columns" as of JobTable.
  explicit JobScreen(const std::string& columns, Ordering order = {})
      : table_(columns), order_(order) {}

  // The jobs that there are now, newest first; "more": older ones, which are left out, are there.
  void take(std::vector<OrderedJson> jobs, bool more = false);
  Wish press(const Key& key);
  // Below the jobs until the next key: what came of a wish.
  void say(std::string text) { said_ = std::move(text); }
  // Why there is no news; empty: there is.
  void trouble(std::string text) { trouble_ = std::move(text); }
  // The job that a wish is about; null: there is none.
  const OrderedJson* chosen() const;

  // All "rows" lines, each in at most "columns" of a terminal.
  std::vector<std::string> lines(std::size_t rows, std::size_t columns, std::int64_t now,
                                 const Colours& colours);

 private:
  enum class Asks { nothing, filter, cancel };

  Wish press_in_list(const Key& key);
  void press_in_filter(const Key& key);
  void move(std::ptrdiff_t by);
  void arrange();
  bool fits(const OrderedJson& job) const;
  std::size_t chosen_row() const;
  std::string head(std::int64_t now) const;
  std::string about_chosen() const;
  std::string foot(std::size_t columns) const;
  std::vector<std::string> help() const;

  const JobTable table_;
  std::vector<OrderedJson> all_, shown_;
  bool more_ = false;
  std::string chosen_;    // its id: it stays chosen where others come and go
  std::size_t top_ = 0;   // the first one on the screen
  std::size_t room_ = 1;  // how many fit
  std::string filter_, said_, trouble_;
  Asks asks_ = Asks::nothing;
  Ordering order_;
  bool helps_ = false;
};

}  // namespace domed::ctl
