#pragma once

#include <string>
#include <string_view>

namespace domed::git {

// A remote's address as it may be shown, or why there is none.
struct Remote {
  std::string url;
  std::string reason;  // empty where url is set
};

// "raw", as a configuration holds it, without anything secret: user names (all
// but the customary "git"), passwords, tokens, queries and fragments go; scheme
// and host are in lower case, a default port and trailing slashes go too;
// "host:path" becomes "ssh://host/path".  What cannot be taken apart safely is
// refused, and neither shown nor quoted in the reason.
Remote normalise_remote(std::string_view raw);

// The last part of a path or a normalised address, without ".git"; "" if none.
std::string repo_name(std::string_view path);

// With A to Z in lower case.
std::string lower(std::string_view text);

}  // namespace domed::git
