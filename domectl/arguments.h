#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace domed::ctl {

// The command line, and of "run" and "submit" the job's command: what stands behind "--", or begins
// with the first word that is neither an option of ours nor its value.
//
// CLI11 takes a text such as "[a,b]" apart wherever an option or positional may have several
// values; jobs, labels and variables are free texts.  So every text that begins like that is
// marked before it is parsed, and the mark removed by take_texts_whole() before the text is
// looked at.
struct Arguments {
  // "app" has all its verbs, and these their options.
  Arguments(const CLI::App& app, int argc, const char* const* argv);

  // Throws UsageError where a command without "--" could be meant in two ways.
  void parse(CLI::App& app) const;

  bool json = false;  // known before anything is parsed, and where that fails
  std::string verb;   // likewise; empty: none was named
  std::vector<std::string> words, command;

 private:
  void take_command(const CLI::App& of, const CLI::App& app, int argc, const char* const* argv);

  std::string unclear_;  // what makes the command so
};

// The option of "verb", or of all of them, that "word" names; null: none.
const CLI::Option* option_called(const CLI::App& verb, const CLI::App& app,
                                 const std::string& word);

// What "verb" is given, beside options, is a job's command.
bool takes_command(const CLI::App& verb);

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

// The bytes of a file; of "-" what domectl itself reads.  Throws UsageError.
std::string read_all(const std::string& path);

}  // namespace domed::ctl
