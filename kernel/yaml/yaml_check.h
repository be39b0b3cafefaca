#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/words.h"

namespace domed {

// One value of a YAML file, with the place where it stands.  Scalars keep their
// text: what it means depends on who reads it, so "version: 1.10" stays "1.10".
struct YamlNode {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  int line = 0, column = 0;     // from 1; 0: no place
  bool quoted = false;          // scalar: written with quotes or as a block
  bool bad = false;             // a problem was reported already; read it as absent
  std::string text;             // scalar
  std::vector<YamlNode> items;  // of a list; the values of a map
  std::vector<YamlNode> keys;   // of a map: scalars, unique, beside "items"

  // The value of "key"; null where this is no map or has no such key.
  const YamlNode* find(std::string_view key) const;
};

// Reads one YAML file and collects what is wrong with it, so that one run shows
// every problem.  Made for files of unknown origin: size and depth are limited;
// anchors, aliases, tags, a second document, keys that are not text, duplicate
// keys and NUL characters are problems.
class Checker {
 public:
  // Far above any file that a person writes, low enough that nothing here takes noticeable time.
  static constexpr std::size_t kMaxBytes = 1024 * 1024;
  static constexpr std::size_t kMaxDepth = 32;
  static constexpr std::size_t kMaxShown = 200;  // problems; the rest is counted

  explicit Checker(std::filesystem::path file) : file_(std::move(file)) {}

  const std::filesystem::path& file() const { return file_; }

  // The file's one document.  What is not even YAML becomes a problem, and the
  // node is then "bad".  Throws Error(not_found) or Error(io) for a file that
  // cannot be read.
  YamlNode read();
  YamlNode parse(const std::string& text);

  // Adds the problem "file:line:col: text".  Lines after the first in "text"
  // stay below it.
  void fail(const YamlNode& at, const std::string& text) { fail(at.line, at.column, text); }
  void fail(int line, int column, const std::string& text);
  // Something to say that is no reason to refuse.
  void warn(const YamlNode& at, const std::string& text);

  // "file:line:col".
  std::string place(int line, int column) const;

  // Told of each map that is read: what messages call it, and the keys it may have; empty: any.
  using Sections =
      std::function<void(const std::string& what, const std::vector<std::string>& known)>;
  void tell_sections(Sections told) { told_ = std::move(told); }
  void reads(const std::string& what, const std::vector<std::string>& known) const {
    if (told_) told_(what, known);
  }

  bool ok() const { return problems_.empty(); }
  // Sorted by place; the problems one a line.
  std::string text() const;
  std::vector<std::string> warnings() const;
  // Throws Error(invalid_argument) with text() unless ok().
  void done() const;

 private:
  struct Problem {
    int line, column;
    std::string text;
  };
  static std::vector<Problem> sorted(std::vector<Problem> problems);

  std::filesystem::path file_;
  Sections told_;
  std::vector<Problem> problems_, warnings_;
};

}  // namespace domed
