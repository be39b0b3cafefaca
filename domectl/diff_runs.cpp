#include "domectl/diff_runs.h"

#include <algorithm>

#include "domectl/terminal.h"

namespace domed::ctl {
namespace {

// What was asked for and what came of it.  Not ids, times and digests, which differ between any two
// runs and would bury what matters.
constexpr const char* kCompared[] = {"tool_id",     "command",
                                     "executor",    "cwd",
                                     "env",         "secret_env",
                                     "labels",      "task",
                                     "constraints", "profile",
                                     "limits",      "timeout_s",
                                     "tty",         "stdin",
                                     "state",       "reason",
                                     "exit_code",   "signal",
                                     "drift",       "artifacts",
                                     "streams",     "provenance_reason",
                                     "provenance"};

// Names by their path, "provenance.repo.name"; lists of texts stay whole.
void flatten(const std::string& name, const OrderedJson& value, OrderedJson& out) {
  // A command is read as a whole: word by word, one inserted argument would show as a change of all
  // that follow.
  const bool texts =
      value.is_array() && std::all_of(value.begin(), value.end(),
                                      [](const auto& item) { return !item.is_structured(); });
  if (!value.is_structured() || texts || value.empty()) {
    out[name] = value;
    return;
  }
  std::size_t index = 0;
  for (const auto& item : value.items())
    flatten(name + "." + (value.is_array() ? std::to_string(index++) : item.key()), item.value(),
            out);
}

OrderedJson flat(const OrderedJson& status) {
  OrderedJson out = OrderedJson::object();
  for (const char* key : kCompared)
    if (status.contains(key)) flatten(key, status.at(key), out);
  if (out.contains("provenance") && out["provenance"] == "unknown")
    out.erase("provenance");  // its reason tells
  return out;
}

std::string shown(const OrderedJson& value) {
  if (value.is_null()) return "(none)";
  return visible(value.is_string() ? value.get<std::string>() : value.dump());
}

}  // namespace

OrderedJson run_differences(const OrderedJson& a, const OrderedJson& b) {
  const OrderedJson left = flat(a), right = flat(b);
  OrderedJson out = OrderedJson::object();
  for (const auto& [key, value] : left.items()) {
    // In the order of A, then what only B has: two calls with the same jobs print the same.
    const OrderedJson other = right.value(key, OrderedJson());
    if (value != other) out[key] = {{"a", value}, {"b", other}};
  }
  for (const auto& [key, value] : right.items())
    if (!left.contains(key)) out[key] = {{"a", nullptr}, {"b", value}};
  return out;
}

std::string difference_text(const OrderedJson& differences) {
  std::string out;
  for (const auto& [key, pair] : differences.items())
    out += visible(key) + "\n  - " + shown(pair.at("a")) + "\n  + " + shown(pair.at("b")) + "\n";
  return out;
}

}  // namespace domed::ctl
