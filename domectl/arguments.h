#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace domed::ctl {

// The command line, and what stood behind "--" where that is a job's command.
//
// CLI11 takes a text such as "[a,b]" apart wherever an option or positional may have several
// values; jobs, labels and variables are free texts.  So every text that begins like that is
// marked before it is parsed, and the mark removed by take_texts_whole() before the text is
// looked at.
struct Arguments {
  Arguments(int argc, const char* const* argv);

  void parse(CLI::App& app) const;

  bool json = false;  // known before anything is parsed, and where that fails
  std::vector<std::string> words, command;
};

// For "app" and its verbs, once they have their options.
void take_texts_whole(CLI::App& app);

// The duration that "option" was given as; throws UsageError where "text" is none.
std::chrono::microseconds duration_of(const std::string& text, const char* option);

// More than a clock can add to now, and than anybody waits.
inline constexpr std::chrono::microseconds kLongestWait = std::chrono::hours(24 * 365);

// Refuses what is not a whole number within these bounds.
CLI::Validator whole_number(std::int64_t least, std::int64_t most);
// More events than this no log has.
inline constexpr std::int64_t kMostEvents = 1'000'000'000'000'000;

}  // namespace domed::ctl
