#include "base/command_template.h"

#include <functional>
#include <optional>
#include <string_view>

#include "domed/error.h"

namespace domed {
namespace {

constexpr std::string_view kOpen = "{{task", kClose = "}}";

struct Placeholder {
  std::string path;                     // "lr" or "model.name"; empty: the whole task
  std::optional<std::string> fallback;  // behind ":-"
};

[[noreturn]] void unfit(const std::string& text) {
  throw Error(Code::invalid_argument, text);
}

Placeholder read_placeholder(std::string_view inside) {
  Placeholder out;
  if (const auto mark = inside.find(":-"); mark != std::string_view::npos) {
    out.fallback = inside.substr(mark + 2);
    inside = inside.substr(0, mark);
  }
  out.path = inside.empty() ? inside : inside.substr(1);  // behind the dot
  return out;
}

// Calls "literal" and "placeholder" for the parts of "text" in order; false: a placeholder is not
// closed or has no well-formed path.  The check of a deployment and the filling of a job share this
// walk, so that a command which passed the one never stops the other.
bool scan(std::string_view text, const std::function<void(std::string_view)>& literal,
          const std::function<void(const Placeholder&)>& placeholder) {
  for (;;) {
    const auto open = text.find(kOpen);
    literal(text.substr(0, open));
    if (open == std::string_view::npos) return true;
    text.remove_prefix(open + kOpen.size());
    const auto close = text.find(kClose);
    if (close == std::string_view::npos) return false;
    const std::string_view inside = text.substr(0, close),
                           path = inside.substr(0, inside.find(":-"));
    const bool whole = path.empty();
    if (!whole && (path[0] != '.' || path.back() == '.' || path.find("..") != path.npos))
      return false;
    placeholder(read_placeholder(inside));
    text.remove_prefix(close + kClose.size());
  }
}

const Json* find(const Json& task, std::string_view path) {
  const Json* at = &task;
  while (!path.empty()) {
    const auto dot = std::min(path.find('.'), path.size());
    const std::string key(path.substr(0, dot));
    if (!at->is_object() || !at->contains(key)) return nullptr;
    at = &at->at(key);
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return at;
}

std::string value_of(const Placeholder& placeholder, const Json& task) {
  const std::string name = placeholder.path.empty() ? "task" : "task." + placeholder.path;
  const Json* value = find(task, placeholder.path);
  if (!value && placeholder.fallback) return *placeholder.fallback;
  if (!value) unfit("'" + name + "' is missing: the tool's command needs it");
  // A job without a task looks to the tool like one whose task is empty.
  if (placeholder.path.empty()) return value->is_null() ? "{}" : value->dump();
  if (value->is_string()) {
    auto text = value->get<std::string>();
    // execve() would end the argument there, and the command see another word than was asked for.
    if (text.find('\0') != std::string::npos) unfit("'" + name + "' must have no NUL");
    return text;
  }
  // A list or map could be spelled in many ways, of which each program expects another.  Who has
  // one takes the whole task, which is JSON.
  if (!value->is_number() && !value->is_boolean())
    unfit("'" + name + "' must be a text, a number or a boolean: it becomes an argument");
  return value->dump();
}

}  // namespace

std::string template_problem(const std::string& argument) {
  const bool good = scan(
      argument, [](std::string_view) {}, [](const Placeholder&) {});
  return good ? "" : "a placeholder is written {{task}}, {{task.NAME}} or {{task.NAME:-DEFAULT}}";
}

Json fill_command(const Json& command, const Json& task) {
  Json out = Json::array();
  for (const auto& argument : command) {
    std::string filled;
    scan(
        argument.get_ref<const std::string&>(), [&](std::string_view text) { filled += text; },
        [&](const Placeholder& placeholder) { filled += value_of(placeholder, task); });
    out.push_back(filled);
  }
  return out;
}

}  // namespace domed
