#pragma once

#include <string>

#include "config.h"
#include "place.h"
#include "references.h"

namespace domed::git {

// A git directory of our own through which git looks at somebody's repository.  Its configuration
// is ours: nothing that the repository's own says, includes or comes to say while git looks can
// make git run a program, since git never reads it.  It has
//
//   config                 what is left of the repository's own (Config), as values that we know
//   HEAD                   the commit
//   index, sharedindex.*   copies, with their times of change
//   info/*, shallow, packed-refs
//                          copies
//   objects/               links to the directories that hold objects; the alternates that count
//   refs/tags              a link
//
// Copied rather than linked where a file says what is compared with what: it is then the same for
// each call of git.  No hooks, no attributes that the repository keeps elsewhere.
//
// In the directory for temporary files, for the daemon's user alone; gone with this object.
class View {
 public:
  // Throws Error where none can be made.
  View();
  ~View();
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  const std::string& path() const { return path_; }

  // Fill it, in this order.  Throw Error with the reason.
  void put_text(const std::string& name, const std::string& text) const;
  void put_repository(const Place& place, const Config& config, const Head& head,
                      const std::string& packed) const;
  // What the comparison of index and working tree needs.
  void put_index(const Place& place) const;

 private:
  void put_objects(const Place& place) const;
  void put_link(const std::string& target, const std::string& name) const;

  std::string path_;
  int lock_ = -1;  // of the directory, shared: somebody still looks through it
};

// Removes from "parent" the views of this user that nobody looks through any more: of processes that
// were ended in the middle of a look.
void remove_left_views(const std::string& parent);

}  // namespace domed::git
