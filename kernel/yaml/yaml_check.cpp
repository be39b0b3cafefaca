#include "yaml/yaml_check.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>
#include <sstream>

#include "base/json.h"
#include "domed/error.h"

namespace domed {
namespace {

// Builds our tree from the parser's events.  yaml-cpp's own tree would hide
// anchors, keep duplicate keys and resolve aliases before we could refuse them.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Checker& check) : check_(check) {}

  YamlNode root;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    check_.fail(
        mark.line + 1, mark.column + 1,
        "anchor " + in_quotes(name) + ": anchors and aliases are not supported; repeat the value");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    check_.fail(mark.line + 1, mark.column + 1,
                "anchors and aliases are not supported; repeat the value");
    YamlNode node = make(mark, YamlNode::Kind::null);
    node.bad = true;
    add(std::move(node));
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    add(make(mark, YamlNode::Kind::null));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    YamlNode node = make(mark, YamlNode::Kind::scalar);
    node.text = value;
    // yaml-cpp's way to tell: plain scalars come with the tag "?", quoted and block ones with "!".
    node.quoted = tag != "?";
    refuse_tag(mark, tag);
    // Paths and arguments become C strings further on, and would end there.
    if (value.find('\0') != std::string::npos) {
      check_.fail(node, "a value cannot contain a NUL character");
      node.bad = true;
    }
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, YamlNode::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, YamlNode::Kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    std::optional<YamlNode> key;
    std::set<std::string, std::less<>> seen;
  };

  static YamlNode make(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      check_.fail(mark.line + 1, mark.column + 1,
                  "tag " + in_quotes(tag) + ": tags are not supported; remove it");
  }

  void open(const YAML::Mark& mark, const std::string& tag, YamlNode::Kind kind) {
    refuse_tag(mark, tag);
    // Thrown, not reported: parser and readers recurse with each level, and no file of ours comes
    // near this one.
    if (open_.size() >= Checker::kMaxDepth)
      throw YAML::ParserException(
          mark, "nested deeper than " + std::to_string(Checker::kMaxDepth) + " levels");
    open_.push_back({make(mark, kind), {}, {}});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (open_.empty()) {
      root = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::list)
      parent.node.items.push_back(std::move(node));
    else if (!parent.key)
      parent.key = std::move(node);
    else
      add_pair(parent, std::move(node));
  }

  void add_pair(Open& map, YamlNode value) {
    // A pair whose key is a problem is left out: what is unknown or duplicate would otherwise be
    // reported a second time by who reads the map.
    YamlNode key = std::move(*map.key);
    map.key.reset();
    if (key.bad) return;
    if (key.kind != YamlNode::Kind::scalar) return check_.fail(key, "a key must be text");
    if (!map.seen.insert(key.text).second)
      return check_.fail(key, "duplicate key " + in_quotes(key.text));
    map.node.keys.push_back(std::move(key));
    map.node.items.push_back(std::move(value));
  }

  Checker& check_;
  std::vector<Open> open_;
};

// Asked for what follows the document, which the parser would otherwise leave unread: half of a
// file that was meant to count, behind a "---" of somebody who concatenated two.
class SecondDocument final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    throw YAML::ParserException(mark, "a second document; a file holds one");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

std::string slurp(const std::filesystem::path& file) {
  const auto fail = [&](const std::string& why) {
    throw Error(Code::io, file.string() + ": cannot be read: " + why);
  };
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (status.type() == std::filesystem::file_type::not_found)
    throw Error(Code::not_found, file.string() + ": there is no such file");
  if (status.type() == std::filesystem::file_type::none) fail(error.message());
  // Opening a FIFO would wait for ever.
  if (!std::filesystem::is_regular_file(status))
    throw Error(Code::io, file.string() + ": not a regular file");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(std::fopen(file.c_str(), "rbe"),
                                                           std::fclose);
  if (!in) fail(std::strerror(errno));
  // One byte more than is allowed, by which parse() sees that there is more.  The size that stat
  // tells would be that of a moment ago.
  std::string text(Checker::kMaxBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), in.get()));
  if (std::ferror(in.get())) fail(std::strerror(errno));
  return text;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (keys[i].text == key) return &items[i];
  return nullptr;
}

YamlNode Checker::read() {
  return parse(slurp(file_));
}

YamlNode Checker::parse(const std::string& text) {
  YamlNode nothing;
  nothing.bad = true;
  if (text.size() > kMaxBytes) {
    fail(1, 1, "larger than 1 MiB; this cannot be a file of ours");
    return nothing;
  }
  // Before the parser, which takes other encodings and guesses them by their first bytes; messages
  // with parts of the file must be UTF-8.
  if (!is_utf8(text)) {
    fail(1, 1, "not UTF-8; save the file as UTF-8");
    return nothing;
  }
  try {
    std::istringstream in(text);
    YAML::Parser parser(in);
    TreeBuilder builder(*this);
    SecondDocument second;
    parser.HandleNextDocument(builder);
    parser.HandleNextDocument(second);
    return std::move(builder.root);
  } catch (const YAML::Exception& e) {
    // What is no YAML has no tree worth looking at: this one problem, and those found before it.
    fail(e.mark.line + 1, e.mark.column + 1, "not valid YAML: " + e.msg);
  }
  return nothing;
}

void Checker::fail(int line, int column, const std::string& text) {
  problems_.push_back({line, column, text});
}

void Checker::warn(const YamlNode& at, const std::string& text) {
  warnings_.push_back({at.line, at.column, text});
}

std::string Checker::place(int line, int column) const {
  std::string out = file_.string();
  if (line > 0) out += ':' + std::to_string(line) + ':' + std::to_string(column);
  return out + ": ";
}

std::vector<Checker::Problem> Checker::sorted(std::vector<Problem> problems) {
  // Checks run section by section; who mends a file goes from its top to its end.
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  return problems;
}

std::string Checker::text() const {
  std::string out;
  std::size_t shown = 0;
  for (const auto& problem : sorted(problems_)) {
    if (++shown > kMaxShown) break;
    if (!out.empty()) out += '\n';
    out += place(problem.line, problem.column) + problem.text;
  }
  if (problems_.size() > kMaxShown)
    out += '\n' + place(0, 0) + "and " + std::to_string(problems_.size() - kMaxShown) +
           " more problems";
  return out;
}

std::vector<std::string> Checker::warnings() const {
  std::vector<std::string> out;
  for (const auto& warning : sorted(warnings_))
    out.push_back(place(warning.line, warning.column) + warning.text);
  return out;
}

void Checker::done() const {
  if (!ok()) throw Error(Code::invalid_argument, text());
}

}  // namespace domed
