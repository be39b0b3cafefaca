#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "client/credentials.h"

namespace domed {

// A daemon that the user has a name for, and who they are to it.  Paths are absolute.
struct NamedDaemon {
  std::string endpoint, endpoint_user, ca, cert, key, token_file;
};

// The user's own file, ~/.config/domed/client.yaml, and beside it current-context, the name that
// 'domectl context use' chose.
class Contexts {
 public:
  // What is not there is empty.  Throws Error with every problem of the file, each with its place.
  static Contexts of_user();
  explicit Contexts(const std::filesystem::path& directory);

  const std::map<std::string, NamedDaemon>& all() const { return places_; }
  const std::string& current() const { return current_; }  // empty: none
  const std::filesystem::path& file() const { return file_; }
  // Throws Error(not_found) that says which there are.
  const NamedDaemon& named(const std::string& name) const;
  // Makes "name" the current one; "": none is.
  void use(const std::string& name);

 private:
  std::filesystem::path file_, current_file_;
  std::map<std::string, NamedDaemon> places_;
  std::string current_;
};

// What "given" leaves open is as the context has it that "name" names, else DOMED_CONTEXT, else
// 'domectl context use': which is the daemon, and who we are to it, belong together.  Nothing of a
// context is taken where "given" or DOMED_ENDPOINT says which daemon, and "name" is empty; and
// what a variable of the environment says goes before it.  Throws Error as Contexts does.
NamedDaemon chosen_daemon(NamedDaemon given, const std::string& name);

// Who we are to "daemon": what it leaves open is as the environment has it.
Credentials credentials_for(const NamedDaemon& daemon);

}  // namespace domed
