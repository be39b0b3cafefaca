#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "client/producer.h"
#include "domectl/append_state.h"
#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/selection.h"
#include "domectl/sink.h"
#include "system/named_file.h"

namespace domed::ctl {
namespace {

struct Appending {
  std::string job, producer_id, token, token_file, type, payload = "{}", file;
  std::uint64_t batch = 0;
};

// Within a job the environment says which job this is and proves it may speak: a script needs
// neither id nor token.  The token is better there than on the command line, which every user can
// read in ps.
std::string from_environment(const std::string& given, const char* name, const char* option) {
  if (!given.empty()) return given;
  const char* value = std::getenv(name);
  if (value && *value) return value;
  throw UsageError(std::string("give ") + option + ", or set " + name + " as jobs have it");
}

std::string read_secret_line(const std::string& path) {
  std::string text = read_secret(path);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// The payloads go out as they were written, so nothing is parsed and dumped here.
std::string events_of(const Appending& given) {
  if (given.file.empty()) {
    if (given.type.empty()) throw UsageError("give --type and --payload, or --file");
    return R"([{"type":)" + json_string(given.type) + R"(,"payload":)" +
           compact_json(given.payload) + "}]";
  }
  const std::string text = read_all(given.file);
  // Told apart by the first character, since no event line begins with "[": who has a JSON array
  // need not take it apart.
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '[') return compact_json(text);
  std::string out = "[";
  for (std::size_t begin = 0, end; begin < text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    out += (out.size() > 1 ? "," : "") + compact_json(line);
  }
  return out + "]";
}

// /tmp is for everybody: AppendState opens its file without following links, and takes none of
// another user's.
const char* state_directory() {
  for (const char* name : {"XDG_RUNTIME_DIR", "TMPDIR"})
    if (const char* value = std::getenv(name); value && *value) return value;
  return "/tmp";
}

std::string send(Context& context, const ProducerOptions& options, std::uint64_t batch,
                 const std::string& events) {
  return context.client().call_text("AppendJobEvents", Producer::freeze(options, batch, events));
}

// The next batch of the shared producer.  Another number is only tried where the
// remembered one proves to be out of date.
std::string send_next(Context& context, ProducerOptions options, const std::string& events) {
  // Held, and locked, over the calls: two commands of one script at the same time would take the
  // same number.
  AppendState state(state_directory(), options.job_id, options.producer_token);
  options.producer_id = state.producer_id();
  for (std::uint64_t batch = state.next_batch();;) {
    try {
      std::string result = send(context, options, batch, events);
      state.acknowledged(batch);
      return result;
    } catch (const ApiError& e) {
      // The number is taken by other content: the next may be free.  The same content under it
      // would have been answered as replayed (IdempotentAppend).
      if (e.name() != "E_BATCH_MISMATCH") throw;
      state.acknowledged(batch++);  // an earlier call ended before it heard of its success
    }
  }
}

bool have_times(const std::string& events) {
  const Json array = Json::parse(events);
  return std::any_of(array.begin(), array.end(),
                     [](const Json& event) { return event.is_object() && event.contains("t"); });
}

int append(Context& context, const Appending& given) {
  ProducerOptions options;
  options.job_id = given.job.empty() ? given.job : context.id_of(given.job);
  options.job_id = from_environment(options.job_id, "DOMED_JOB_ID", "the job's id");
  options.producer_token =
      from_environment(given.token_file.empty() ? given.token : read_secret_line(given.token_file),
                       "DOMED_PRODUCER_TOKEN", "--producer-token-file");
  options.producer_id = given.producer_id;
  // One without the other would be no protection: numbers mean something within a producer, and a
  // producer's batches have them all.
  if (given.producer_id.empty() != (given.batch == 0))
    throw UsageError("--producer-id and --batch belong together");
  const std::string events = events_of(given);
  if (have_times(events)) context.must_know("t", "the 't' of events");
  const std::string result = given.batch ? send(context, options, given.batch, events)
                                         : send_next(context, options, events);
  if (context.json) put_json(out(), result);
  return 0;
}

}  // namespace

void add_append(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Appending>();
  CLI::App* verb = app.add_subcommand("append", "Append events to a job's log");
  verb->add_option("JOB", given->job, std::string(kJobHelp) + " (default: DOMED_JOB_ID)");
  verb->add_option("--type", given->type, "The event's type: progress, artifact, x-NAME, ...");
  verb->add_option("--payload", given->payload, "The event's payload, a JSON object")
      ->type_name("JSON");
  verb->add_option(
          "-f,--file", given->file,
          "Events {\"type\":..,\"payload\":..}, one a line or as an array; all may have a \"t\", "
          "when it happened, in microseconds since 1970; - is stdin")
      ->type_name("FILE");
  verb->add_option("--token", given->token,
                   "The producer's token, for all to see in ps (default: DOMED_PRODUCER_TOKEN)");
  verb->add_option("--producer-token-file", given->token_file,
                   "A file, closed to others, that holds it")
      ->excludes("--token")
      ->type_name("FILE");
  verb->add_option("--producer-id", given->producer_id, "Who appends; with --batch");
  verb->add_option("--batch", given->batch, "The batch's number, 1, 2, ...; with --producer-id")
      ->check(whole_number(1, kMostEvents));
  verb->footer(
      "Within a job nothing but the event is needed.  With --producer-id and --batch the same\n"
      "command can be repeated safely: a batch is appended once.\n\n"
      "Examples:\n"
      "  domectl append --type progress --payload '{\"value\":0.5,\"message\":\"half\"}'\n"
      "  domectl append JOB --producer-token-file T --producer-id ci --batch 1 -f events.jsonl");
  verb->callback([&context, given] {
    context.action = [&context, given] { return append(context, *given); };
  });
}

}  // namespace domed::ctl
