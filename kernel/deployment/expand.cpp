#include "deployment/expand.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/json.h"
#include "deployment/tool.h"
#include "domed/error.h"

namespace domed {
namespace {

// A variable comes from outside, and may be a megabyte; ${A:-${B:-...}} recurses.
constexpr std::size_t kMaxValue = 64 * 1024;
constexpr int kMaxNesting = 16;

class Expander {
 public:
  explicit Expander(const Variables& variables) : variables_(variables) {}

  std::string run(std::string_view text, int nesting) {
    if (nesting > kMaxNesting) fail("variables nest too deep");
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const std::string_view rest = text.substr(i);
      // From left to right, once: what a variable holds is never looked at again, so that a "$" in
      // a password stays one, and no value can name another variable.
      if (rest.starts_with("$$")) {
        out += '$', ++i;
      } else if (rest.starts_with("${")) {
        const std::size_t end = closing(rest);
        out += variable(rest.substr(2, end - 2), nesting);
        i += end;
      } else {
        out += rest[0];
      }
      if (out.size() > kMaxValue) fail("the expanded value is larger than 64 KiB");
    }
    return out;
  }

 private:
  [[noreturn]] static void fail(const std::string& text) {
    throw Error(Code::invalid_argument, text);
  }

  // Where the "}" stands that ends the "${" at the front of "text".
  static std::size_t closing(std::string_view text) {
    int open = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      // The default may hold variables, and these braces of their own.
      if (text.substr(i).starts_with("$$"))
        ++i;
      else if (text.substr(i).starts_with("${"))
        ++open, ++i;
      else if (text[i] == '}' && --open == 0)
        return i;
    }
    fail("'${' without its '}'; write $$ for a dollar");
  }

  std::string variable(std::string_view body, int nesting) {
    const std::size_t colon = body.find(":-");
    const std::string_view name = body.substr(0, colon);
    if (!is_variable_name(name))
      fail(in_quotes("${" + std::string(body) + "}") +
           " names no variable; write ${NAME} or ${NAME:-default}");
    auto value = variables_(name);
    // Shells know it and do not export it, and a path in /run/user needs it.
    if (!value && name == "UID") value = std::to_string(getuid());
    if (colon != std::string_view::npos && (!value || value->empty()))
      return run(body.substr(colon + 2), nesting + 1);
    if (!value)
      fail("the variable " + std::string(name) + " is not set; set it or write ${" +
           std::string(name) + ":-default}");
    if (!is_utf8(*value)) fail("the value of the variable " + std::string(name) + " is not UTF-8");
    return *value;
  }

  const Variables& variables_;
};

}  // namespace

Variables process_variables() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (!value) return std::nullopt;
    return value;
  };
}

std::string expand(std::string_view text, const Variables& variables) {
  return Expander(variables).run(text, 0);
}

void expand_tree(YamlNode& node, const Variables& variables, const std::vector<std::string>& except,
                 Checker& check) {
  for (std::size_t i = 0; i < node.items.size(); ++i)
    // Keys are no values, and stay: a key from the environment could be any option.
    if (node.kind != YamlNode::Kind::map ||
        std::find(except.begin(), except.end(), node.keys[i].text) == except.end())
      expand_tree(node.items[i], variables, except, check);
  if (node.kind != YamlNode::Kind::scalar) return;
  try {
    node.text = expand(node.text, variables);
  } catch (const Error& e) {
    check.fail(node, e.what());
    node.bad = true;
  }
}

}  // namespace domed
