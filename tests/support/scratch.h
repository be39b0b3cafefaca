#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "domed/error.h"

namespace domed::testing {

// A directory of the test's own, removed at its end.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "domed-host-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp " + name);
    path_ = name;
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }

 private:
  std::filesystem::path path_;
};

// The text of the domed::Error that "action" throws, without "prefix" wherever it
// stands; empty where it throws none.
template <class Action>
std::string error_of(Action action, const std::string& prefix = "") {
  try {
    action();
  } catch (const Error& e) {
    std::string text = e.what();
    for (auto at = prefix.empty() ? std::string::npos : text.find(prefix); at != std::string::npos;
         at = text.find(prefix, at))
      text.erase(at, prefix.size());
    return text;
  }
  return "";
}

template <class Action>
Code code_of(Action action) {
  try {
    action();
  } catch (const Error& e) {
    return e.code();
  }
  throw std::logic_error("no domed::Error was thrown");
}

}  // namespace domed::testing
