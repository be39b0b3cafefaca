#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tls/server_context.h"
#include "transport/access.h"
#include "yaml/yaml_check.h"

namespace domed {

// The files of a listener over TLS, absolute; empty where they are not given.
struct TlsFiles {
  std::filesystem::path cert, key, client_ca, crl;

  bool operator==(const TlsFiles&) const = default;
};

// A place that the deployment listens at, and who may come there as what.
struct Listener {
  std::string url;
  std::vector<std::string> origins;  // ws and wss: of the web pages that may connect
  std::vector<Grant> grants;
  std::optional<TlsFiles> tls;

  bool operator==(const Listener&) const = default;
};

// What a listener over TLS is made of.  Whoever shows no certificate is turned away at once, unless
// something else may say who it is.
tls::ServerFiles files_of(const Listener& listener);

// Whom a listener serves.
enum class Audience { control, events };

// What a listener takes from the file around it.
struct ListenerContext {
  Audience audience = Audience::control;
  int shards = 1;
  std::string group;                // control.group; may be empty
  std::filesystem::path directory;  // of the file: relative paths begin there
  bool has_tokens = false;          // the deployment names a file of tokens
  bool nng = false;                 // nng serves all that it can
};

// Reads an item of "control.listen" or "events.listen": a URL, or a map with its keys "url",
// "roles", "origins" and "tls".  Over ipc the system says who connects; without "roles" the
// daemon's user and root are operators, and the group's members submitters.  Elsewhere "roles" has
// to say who may what, and where that is "anyone", a warning tells what anyone may do.  Problems go
// to "check"; "url" is empty where it cannot be listened at.
Listener read_listener(const YamlNode& item, const ListenerContext& context, Checker& check);

// Tells "check" which files of a listener over TLS cannot be used, and warns of those that expire,
// and of an authority that may name anybody whom that of one of "others" names.
void check_files(const YamlNode& item, const Listener& listener,
                 const std::vector<Listener>& others, Checker& check);

// What is wrong with "text" as a web page's origin, as browsers write it; empty: nothing.
std::string check_origin(const std::string& text);

}  // namespace domed
