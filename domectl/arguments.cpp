#include "domectl/arguments.h"

#include <charconv>
#include <cstring>

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

// The first word that is neither an option nor its value.
bool has_command(const std::vector<std::string>& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--endpoint" || words[i] == "--endpoint-user")
      ++i;
    else if (!words[i].starts_with('-'))
      return words[i] == "run" || words[i] == "submit";
  }
  return false;
}

}  // namespace

Arguments::Arguments(int argc, const char* const* argv) {
  for (int i = 0; i < argc; ++i) {
    if (std::strcmp(argv[i], "--") == 0) {
      // Everything behind "--" is the job's, byte for byte, and CLI11 never sees it: it would take
      // "--help" of a command for ours.  For other verbs "--" means what it means everywhere.
      if (has_command(words)) {
        command.assign(argv + i + 1, argv + argc);
        return;
      }
      for (; i < argc; ++i) words.push_back(marked(argv[i]));
      return;
    }
    // Before anything is parsed: a command line that is wrong is to be reported in JSON too.
    json = json || std::strcmp(argv[i], "--json") == 0;
    words.push_back(marked(argv[i]));
  }
}

void Arguments::parse(CLI::App& app) const {
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

}  // namespace domed::ctl
