#pragma once

#include <httplib.h>

#include <optional>
#include <string>
#include <vector>

namespace domed::console {

// Which pages may talk to this program, told by what no page can forge: the headers Host, Origin
// and Sec-Fetch-Site.
//
// A stranger's page can send requests here, and by DNS rebinding even give them its own name.  So
// the name in Host must be an address, "localhost", or one that the command line allows; an Origin
// must be that same place; and what a page asks of this program must come from its own pages.
class Guard {
 public:
  // "origins": other places that this program is reached by, such as "https://ci.example".
  Guard(bool tls, std::vector<std::string> origins);
  // The port that is listened at, once it is known.
  void listens_at(int port) { port_ = port; }

  // Why "request" is refused, for people; nullopt: it is not.  "from_pages": it is of those that
  // only our own pages send.
  std::optional<std::string> objection(const httplib::Request& request, bool from_pages) const;

  // What every answer says to the browser, whatever it is.
  static httplib::Headers headers(bool tls);

 private:
  bool is_ours(const std::string& host) const;

  const bool tls_;
  const std::vector<std::string> origins_;
  int port_ = 0;
};

// Whether it is an address, as in "[::1]" or "127.0.0.1", or "localhost": no name that somebody
// else could have.
bool is_no_foreign_name(const std::string& host);

}  // namespace domed::console
