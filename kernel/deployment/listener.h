#pragma once

#include <string>
#include <vector>

#include "yaml/yaml_check.h"

namespace domed {

// A place that the deployment listens at.
struct Listener {
  std::string url;
  std::vector<std::string> origins;  // ws: of the web pages that may connect

  bool operator==(const Listener&) const = default;
};

// Whom a listener serves.
enum class Audience { control, events };

// Reads an item of "control.listen" or "events.listen": a URL, or a map with its
// keys "url", "roles" and "origins".  Over tcp and ws there is nobody to ask who
// connects, so that these have to name "anyone" in as many words, and then give a
// warning that says what anyone may do.  Problems go to "check"; "url" is empty where
// it cannot be listened at.
Listener read_listener(const YamlNode& item, Audience audience, int shards, Checker& check);

// What is wrong with "text" as a web page's origin, as browsers write it; empty: nothing.
std::string check_origin(const std::string& text);

}  // namespace domed
