#include "references.h"

#include <algorithm>

#include "domed/error.h"

namespace domed::git {
namespace {

constexpr std::size_t kMaxReference = 16 << 10;
constexpr int kMostSteps = 5;  // as git, from one symbolic reference to the next

std::string_view first_word(std::string_view text) {
  return text.substr(0, text.find_first_of(" \t\r\n"));
}

// One that stays below "refs/" and in its line.
bool is_reference(std::string_view name) {
  return name.starts_with("refs/") && !name.ends_with('/') &&
         name.find("..") == std::string_view::npos && name.find("//") == std::string_view::npos &&
         std::none_of(name.begin(), name.end(), [](unsigned char c) { return c <= 32 || c == 127; });
}

bool is_of_working_tree(std::string_view name) {
  return name == "HEAD" || name.starts_with("refs/bisect/") ||
         name.starts_with("refs/worktree/") || name.starts_with("refs/rewritten/");
}

// "ID SP NAME" in each line, comments and peeled tags between them.
std::optional<std::string> find_packed(std::string_view packed, const std::string& name) {
  const std::string wanted = " " + name;
  while (!packed.empty()) {
    const std::size_t end = std::min(packed.find('\n'), packed.size());
    const std::string_view line = packed.substr(0, end);
    if (line.ends_with(wanted) && is_object_id(line.substr(0, line.size() - wanted.size())))
      return std::string(first_word(line));
    packed.remove_prefix(std::min(end + 1, packed.size()));
  }
  return std::nullopt;
}

}  // namespace

bool is_object_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Head read_head(const Directory& git_dir, const Directory& common_dir, std::string_view packed) {
  static constexpr std::string_view kSymbolic = "ref:";
  Head head{"HEAD", {}, false};
  for (int step = 0; step <= kMostSteps; ++step) {
    const Directory& where = is_of_working_tree(head.ref) ? git_dir : common_dir;
    // Old ones are links to each other, instead of saying a name.
    const auto link = where.link_target(head.ref);
    if (link && is_reference(*link)) {
      head.ref = *link;
      continue;
    }
    const auto text = where.read(head.ref, kMaxReference);
    if (!text) {
      head.id = find_packed(packed, head.ref);
      head.unborn = !head.id && head.ref != "HEAD";
      return head;
    }
    if (text->starts_with(kSymbolic)) {
      const std::size_t name = text->find_first_not_of(" \t", kSymbolic.size());
      head.ref = name == std::string::npos ? "" : std::string(first_word(text->substr(name)));
      if (!is_reference(head.ref))
        throw Error(Code::corruption, "the repository is corrupt: HEAD names no reference");
      continue;
    }
    if (is_object_id(first_word(*text))) head.id = first_word(*text);
    return head;
  }
  throw Error(Code::corruption, "the repository is corrupt: HEAD leads through too many references");
}

}  // namespace domed::git
