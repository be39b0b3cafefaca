#include "domectl/arguments.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/units.h"
#include "domectl/context.h"
#include "domectl/terminal.h"

namespace domed::ctl {
namespace {

// No key types it, and a text that begins with it all the same is marked as well, so that taking
// marks off gives back every text.
constexpr char kMark = '\x01';

// Where in "word" a value begins, if it is an option with its value or a value.
std::size_t value_of(const std::string& word) {
  if (word.starts_with("--")) {
    const auto equals = word.find('=');
    return equals == std::string::npos ? word.size() : equals + 1;
  }
  return word.size() > 2 && word[0] == '-' ? 2 : 0;
}

std::string marked(std::string word) {
  const std::size_t at = value_of(word);
  if (at < word.size() && (word[at] == '[' || word[at] == kMark)) word.insert(at, 1, kMark);
  return word;
}

// Whether "word" begins as a number below zero does.
bool is_number(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && word[1] >= '0' && word[1] <= '9';
}

// What stands before the "=" of an option.
std::string name_of(const std::string& word) {
  return word.substr(0, word.find('='));
}

// Whether the word behind the option "word" is its value.
bool takes_next(const CLI::App& verb, const CLI::App& app, const std::string& word) {
  const bool whole =
      word.starts_with("--") ? word.find('=') == std::string::npos : word.size() == 2;
  const CLI::Option* const option = whole ? option_called(verb, app, word) : nullptr;
  return option && option->get_items_expected_max() > 0;
}

}  // namespace

const CLI::Option* option_called(const CLI::App& verb, const CLI::App& app,
                                 const std::string& word) {
  for (const CLI::App* at : {&verb, &app})
    for (const CLI::Option* option : at->get_options())
      if (option->check_name(word)) return option;
  return nullptr;
}

bool takes_command(const CLI::App& verb) {
  return verb.get_name() == "run" || verb.get_name() == "submit";
}

Arguments::Arguments(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App* at = &app;
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") {
      // Everything behind "--" is the job's, byte for byte, and CLI11 never sees it: it would take
      // "--help" of a command for ours.  For other verbs "--" means what it means everywhere.
      if (takes_command(*at)) {
        command.assign(argv + i + 1, argv + argc);
        return;
      }
      for (; i < argc; ++i) words.push_back(marked(argv[i]));
      return;
    }
    if (i > 0 && !word.starts_with('-')) {
      if (takes_command(*at)) {
        take_command(*at, app, argc - i, argv + i);
        return;
      }
      for (const CLI::App* below : at->get_subcommands({}))
        if (below->get_name() == word) at = below;
      if (verb.empty()) verb = at->get_name();
    }
    // Before anything is parsed: a command line that is wrong is to be reported in JSON too.
    json = json || word == "--json";
    words.push_back(marked(word));
    const bool has_value = word.starts_with('-') && i + 1 < argc && takes_next(*at, app, word);
    if (has_value && argv[i + 1][0] != '-') words.push_back(marked(argv[++i]));
    // CLI11 would take "-1h" of "--since -1h" for options.
    else if (has_value && word.starts_with("--") && is_number(argv[i + 1]))
      words.back() += std::string("=") + argv[++i];
  }
}

// "run make -j8" can be meant in one way only; "run make --name x" in two.
void Arguments::take_command(const CLI::App& of, const CLI::App& app, int argc,
                             const char* const* argv) {
  command.assign(argv, argv + argc);
  for (const auto& word : command) {
    const bool ours = word.starts_with('-') && option_called(of, app, name_of(word));
    if (word != "--" && !ours) continue;
    unclear_ = "'" + visible(word) + "' behind '" + visible(command.front()) +
               "' may be meant for it, or for domectl: put '--' before the command, and what is "
               "domectl's before that: domectl " +
               of.get_name() + " ... -- " + visible(command.front()) + " ...";
    return;
  }
}

void Arguments::parse(CLI::App& app) const {
  if (!unclear_.empty()) throw UsageError(unclear_);
  std::vector<const char*> argv;
  for (const auto& word : words) argv.push_back(word.c_str());
  app.parse(static_cast<int>(argv.size()), argv.data());
}

void take_texts_whole(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) option->allow_extra_args(false);  // one value each time
    if (option->get_expected_max() > 0)
      option->transform(CLI::Validator(
          [](std::string& text) {
            if (text.starts_with(kMark)) text.erase(0, 1);
            return std::string();
          },
          ""));
  }
  for (CLI::App* verb : app.get_subcommands({})) take_texts_whole(*verb);
}

std::chrono::microseconds duration_of(const std::string& text, const char* option) {
  if (const auto time = parse_duration(text)) return *time;
  throw UsageError(std::string(option) + " '" + text + "' is not a time such as 30s, 5m or 2h");
}

CLI::Validator whole_number(std::int64_t least, std::int64_t most) {
  return CLI::Validator(
      [least, most](std::string& text) -> std::string {
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc() && end == text.data() + text.size() && value >= least &&
            value <= most)
          return "";
        return "'" + visible(text) + "' is not a whole number from " + std::to_string(least) +
               " to " + std::to_string(most);
      },
      "");
}

std::string read_all(const std::string& path) {
  if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream file(path, std::ios::binary);
  if (!file) throw UsageError("cannot read " + path + ": " + std::strerror(errno));
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace domed::ctl
