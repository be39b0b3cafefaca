#include "domectl/completion.h"

#include <algorithm>
#include <set>

#include "base/words.h"
#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/sink.h"
#include "domectl/terminal.h"
#include "domectl/view.h"

namespace domed::ctl {
namespace {

// Each asks "domectl --complete WORD..." for what may stand in the place of the last word: a line a
// candidate, with a tab and a few words behind it.  No line: files, as the shell itself completes
// them.
constexpr const char* kBash =
    R"sh(# domectl completion bash >/usr/share/bash-completion/completions/domectl
_domectl() {
  local IFS=$'\n' line cur=${COMP_WORDS[COMP_CWORD]} words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  for line in $(domectl --complete "${words[@]}" 2>/dev/null); do
    line=${line%%$'\t'*}
    [[ $line == "$cur"* ]] && COMPREPLY+=("$line")
  done
}
complete -o default -F _domectl domectl
)sh";

constexpr const char* kZsh = R"sh(#compdef domectl
# domectl completion zsh >"${fpath[1]}/_domectl"
_domectl() {
  local line
  local -a found
  for line in ${(f)"$(domectl --complete "${(@)words[2,CURRENT]}" 2>/dev/null)"}; do
    found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  if (( $#found )); then _describe domectl found; else _files; fi
}
if [ "$funcstack[1]" = _domectl ]; then _domectl "$@"; else compdef _domectl domectl; fi
)sh";

constexpr const char* kFish =
    R"sh(# domectl completion fish >~/.config/fish/completions/domectl.fish
function __domectl_complete
  set -l words (commandline -opc) (commandline -ct)
  domectl --complete $words[2..-1] 2>/dev/null
end
function __domectl_files
  test -z "$(__domectl_complete)"
end
complete -c domectl -n 'not __domectl_files' -f -a '(__domectl_complete)'
complete -c domectl -n __domectl_files -F
)sh";

// A shell waits for us at each TAB.
constexpr std::chrono::milliseconds kPatience{700};
constexpr int kMostJobs = 100;

struct Candidate {
  std::string text, about;
};
using Candidates = std::vector<Candidate>;

// Of a daemon that answers soon; nothing where there is none.
Json asked(Context& context, const char* method, const Json& params) try {
  CallOptions options;
  options.reply_timeout = options.deadline = kPatience;
  return context.client().call(method, params, options);
} catch (const std::exception&) {
  return Json::object();
}

Json known_jobs(Context& context, const std::string& state = "") {
  Json params{{"limit", kMostJobs}};
  if (!state.empty()) params["state"] = state;
  return asked(context, "ListJobs", params).value("jobs", Json::array());
}

Candidates known_ids(Context& context) {
  Candidates out;
  for (const Json& job : known_jobs(context))
    out.push_back({job.value("job_id", ""), job.value("state", "") + " " + job.value("name", "") +
                                                job.value("tool_id", "")});
  return out;
}

Candidates known_labels(Context& context) {
  std::set<std::string> seen;
  Candidates out;
  for (const Json& job : known_jobs(context)) {
    const Json labels = job.value("labels", Json::object());
    for (const auto& [key, value] : labels.items()) {
      const std::string text = key + "=" + (value.is_string() ? value.get<std::string>() : "");
      if (seen.insert(text).second) out.push_back({text, ""});
    }
  }
  return out;
}

Candidates known_names(Context& context) {
  std::set<std::string> seen;
  Candidates out;
  for (const Json& job : known_jobs(context))
    if (const auto name = job.value("name", ""); !name.empty() && seen.insert(name).second)
      out.push_back({name, ""});
  return out;
}

Candidates known_tools(Context& context) {
  Candidates out;
  for (const Json& tool : asked(context, "ListTools", Json::object()).value("tools", Json::array()))
    out.push_back({tool.value("tool_id", ""), tool.value("title", "")});
  return out;
}

// By what an option or positional is called: the verbs name alike what is alike.
Candidates values_of(const CLI::Option& option, const CLI::App& verb, Context& context) {
  const std::string name = option.get_name(true, true), kind = option.get_type_name();
  const auto is = [&](const char* text) { return name.find(text) != std::string::npos; };
  if (is("--tool") || (verb.get_name() == "tools" && is("ID"))) return known_tools(context);
  if (is("--label")) return known_labels(context);
  if (is("--name")) return known_names(context);
  if (is("--state")) {
    Candidates out;
    for (const char* state :
         {"queued", "held", "running", "paused", "succeeded", "failed", "canceled"})
      out.push_back({state, ""});
    return out;
  }
  if (is("--level")) {
    Candidates out;
    for (const char* level : kLevels) out.push_back({level, ""});
    return out;
  }
  const bool two = verb.get_name() == "diff-runs" && (name == "A" || name == "B");
  if (two || name.starts_with("JOB") || kind.starts_with("JOB")) return known_ids(context);
  if (verb.get_name() == "new-plugin" && is("kind")) return {{"store", ""}, {"provenance", ""}};
  if (verb.get_name() == "completion") return {{"bash", ""}, {"zsh", ""}, {"fish", ""}};
  return {};
}

// The first line, without what stands in brackets: there is little room beside a candidate.
std::string in_short(const std::string& text) {
  return text.substr(0, std::min(text.find('\n'), std::min(text.find(" ("), text.find(';'))));
}

void add_options(const CLI::App& app, Candidates& out) {
  for (const CLI::Option* option : app.get_options())
    if (!option->get_lnames().empty() && !option->get_group().empty())
      out.push_back({"--" + option->get_lnames().front(), in_short(option->get_description())});
}

// Where the last of "words" stands, by what stands before it.
struct Place {
  const CLI::App* verb;
  const CLI::Option* option = nullptr;  // whose value it is
  std::size_t positionals = 0;          // of the verb, before it
  bool command = false;                 // a job's own
};

// Options that say which daemon is asked hold for the completion, too.
void take_global(const std::string& name, const std::string& value, Context& context) {
  if (name == "--endpoint") context.endpoint = value;
  for (const auto& [option, variable] : {std::pair{"--endpoint-user", "DOMED_ENDPOINT_USER"},
                                         {"--ca", "DOMED_CA"},
                                         {"--cert", "DOMED_CERT"},
                                         {"--key", "DOMED_KEY"},
                                         {"--token-file", "DOMED_TOKEN_FILE"}})
    if (name == option) setenv(variable, value.c_str(), 1);
}

Place place_of(const CLI::App& root, const std::vector<std::string>& words, Context& context) {
  Place place{&root};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      place.command = true;
      return place;
    }
    if (word.starts_with("-")) {
      const auto equals = word.find('=');
      const CLI::Option* option = option_called(*place.verb, root, word.substr(0, equals));
      if (!option || option->get_items_expected_max() == 0) continue;
      if (equals != std::string::npos) {
        take_global(word.substr(0, equals), word.substr(equals + 1), context);
      } else if (i + 2 == words.size()) {
        place.option = option;
      } else {
        take_global(word, words[++i], context);
      }
      continue;
    }
    if (takes_command(*place.verb)) {
      place.command = true;
      return place;
    }
    const auto below =
        place.verb->get_subcommands([&](const CLI::App* verb) { return verb->get_name() == word; });
    if (below.empty())
      ++place.positionals;
    else
      place = Place{below.front()};
  }
  return place;
}

Candidates candidates(const CLI::App& root, const std::vector<std::string>& words,
                      Context& context) {
  const Place place = place_of(root, words, context);
  if (place.command) return {};
  if (place.option) return values_of(*place.option, *place.verb, context);
  Candidates out;
  if (!words.empty() && words.back().starts_with("-")) {
    add_options(*place.verb, out);
    if (place.verb != &root) add_options(root, out);
    return out;
  }
  for (const CLI::App* verb : place.verb->get_subcommands([](const CLI::App*) { return true; }))
    out.push_back({verb->get_name(), in_short(verb->get_description())});
  if (!out.empty()) return out;
  const CLI::Option* last = nullptr;
  std::size_t at = 0;
  for (const CLI::Option* option : place.verb->get_options()) {
    if (!option->get_positional()) continue;
    last = option;
    if (at++ == place.positionals) break;
  }
  // "wait JOB JOB ...": the last one may come again.
  const bool again = last && (at > place.positionals || last->get_items_expected_max() > 1);
  return again ? values_of(*last, *place.verb, context) : out;
}

}  // namespace

int complete(const CLI::App& app, const std::vector<std::string>& words, Context& context) {
  context.connect_wait = "0s";
  context.json = true;  // nothing is said beside the candidates
  const std::string typed = words.empty() ? "" : words.back();
  for (const auto& [text, about] : candidates(app, words, context))
    if (!text.empty() && text.starts_with(typed)) put(visible(text) + "\t" + visible(about) + "\n");
  return 0;
}

void add_completion(CLI::App& app, Context& context) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("completion", "Print what lets a shell complete domectl");
  verb->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->footer(
      "Verbs, options, tools, labels and job ids are completed; those of jobs and tools by asking\n"
      "the daemon, if it answers soon.  Packages bring it along; else, in one shell or for good:\n"
      "  source <(domectl completion bash)\n"
      "  domectl completion fish >~/.config/fish/completions/domectl.fish");
  verb->callback([&context, shell] {
    context.action = [shell] {
      put(*shell == "bash" ? kBash : *shell == "zsh" ? kZsh : kFish);
      return 0;
    };
  });
}

}  // namespace domed::ctl
