#pragma once

#include <string>
#include <utility>

#include "examine.h"
#include "findings.h"
#include "git.h"
#include "repository.h"

namespace domed::git {

// Reasons why a field cannot be told, although git answered.
class Doubt {
 public:
  void add(const std::string& reason) { text_ += (text_.empty() ? "" : "; ") + reason; }
  bool none() const { return text_.empty(); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// One repository, or submodule, that is being examined: whom to ask, what is known so far,
// and what of it must be doubted.  The parts of examine() take it in turn, each reads what
// those before it wrote; one thread.
//
// Doubts are gathered and not concluded from where they arise, since a certain change
// outweighs any doubt: "dirty" is true whatever else could not be looked at, while a clean
// tree needs that there is no doubt at all.
struct Inquiry {
  // Through the view; "call" names neither it nor the working tree.
  Outcome call(Call call) const;
  std::string reason(const char* what, const Outcome& outcome) const;
  // What hides a change is hidden from the diff too; a submodule's own changes never are in it.
  void doubt(const std::string& why, bool of_diff_too = true) {
    dirty_doubt.add(why);
    count_doubt.add(why);
    if (of_diff_too) diff_doubt.add(why);
  }

  const Git& git;
  const Wishes& wishes;
  const Deadline& deadline;
  std::size_t& submodules;  // examined so far, in all repositories of one examine()

  Repository repository{};
  Findings findings{};
  Doubt dirty_doubt{}, count_doubt{}, diff_doubt{};
};

// The working directory, relative to the top-level one; empty: it is that.
std::string below_top(const Repository& repository);

}  // namespace domed::git
