#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>

#include "client/follower.h"
#include "client/verify.h"
#include "domectl/context.h"
#include "domectl/interrupt.h"
#include "domectl/output_file.h"
#include "domectl/selection.h"
#include "domectl/table.h"

namespace domed::ctl {
namespace {

// An export is JSON lines: this header, then the event lines as they are.
//   {"domed_export":1,"record":{...the job's status...},"base_digest":"..."}
// JSON lines again, so that jq and a text editor do, and the event lines verbatim: the digest is of
// them (Digest).  Rejected: an archive with files of its own (an export goes through a pipe), the
// events in one array (a log of a gigabyte would have to be read as a whole).
constexpr int kFormat = 1;
// Of event lines in one request of an import: at most doubled as JSON strings they
// stay below the daemon's bound on requests, and as they are below that on commits.
constexpr std::size_t kPieceBytes = 256 * 1024;

using OnLine = std::function<void(std::string_view line)>;

// The retained events up to what "record" covers.
void read_log(Context& context, const Json& record, const OnLine& on_line,
              std::stop_token stop = {}) {
  const auto head = record.at("head_seq").get<std::uint64_t>();
  FollowOptions options;
  options.job_id = record.at("job_id").get<std::string>();
  // Named, for the job may be purged and its id be used by an import while this reads: what is
  // copied is of one log or none (LoudLoss).
  options.log_id = record.at("log_id").get<std::string>();
  options.since_seq = record.at("first_seq").get<std::uint64_t>() - 1;
  options.follow = false;
  options.stop = std::move(stop);
  Follower(context.client(), options).run([&](std::string_view line, std::uint64_t seq) {
    // A live job goes on meanwhile; the record covers what it covers.
    if (seq <= head) on_line(line);
  });
}

Json record_of(Context& context, const std::string& job) {
  return context.client().call("GetJobStatus", {{"job_id", job}});
}

// Event lines from a file or, as "-", from stdin: an export, or what a follower kept.
class LogFile {
 public:
  explicit LogFile(const std::string& path) : path_(path), in_(&std::cin) {
    if (path != "-") {
      file_.open(path, std::ios::binary);
      if (!file_) throw UsageError("cannot read " + path + ": " + std::strerror(errno));
      in_ = &file_;
    }
    std::string first;
    std::getline(*in_, first);
    const OrderedJson json = OrderedJson::parse(first, nullptr, false);
    if (json.is_object() && json.contains("domed_export"))
      take_header(json);
    else if (const auto event = read_event_line(first))
      begin_copy(*event, first);
    else
      throw UsageError(path + " is neither an export of domectl nor a job's event lines");
  }
  bool is_export() const { return !copy_; }
  // Of an export: its job's status.  Of a copy: its job_id and first_seq alone.
  const OrderedJson& record() const { return record_; }
  bool next(std::string& line) {
    if (!unread_) return static_cast<bool>(std::getline(*in_, line));
    line = *std::exchange(unread_, std::nullopt);
    return true;
  }

 private:
  void take_header(const OrderedJson& header) {
    if (header["domed_export"] != kFormat || !header.contains("record") ||
        !header["record"].is_object())
      throw UsageError(path_ + " is not an export in the format " + std::to_string(kFormat) +
                       ", which this domectl reads");
    record_ = header["record"];
    if (header.contains("base_digest")) record_["base_digest"] = header["base_digest"];
  }
  void begin_copy(const EventLine& event, const std::string& line) {
    record_ = {{"job_id", OrderedJson::parse(event.job_id)}, {"first_seq", event.seq}};
    copy_ = true;
    unread_ = line;
  }

  const std::string path_;
  std::ifstream file_;
  std::istream* in_;
  OrderedJson record_;
  bool copy_ = false;
  std::optional<std::string> unread_;
};

int report(const Context& context, const std::string& job_id, const Verifier& verifier) {
  const bool good = !verifier.problem();
  if (context.json) {
    Json out{{"ok", good},
             {"job_id", job_id},
             {"events", verifier.events()},
             {"digest", verifier.digest()}};
    if (!good) out["problem"] = *verifier.problem();
    put_json(ctl::out(), out.dump());
  } else if (good) {
    put("ok: " + std::to_string(verifier.events()) + " events, digest " + verifier.digest() + "\n");
  } else {
    put("wrong: " + visible(*verifier.problem()) + "\n");
  }
  return good ? 0 : 1;
}

// What a follower's copy should be, the daemon tells.  A copy that begins at 1 needs
// nothing before it, although the log may have been trimmed since.
Json record_of_copy(Context& context, const OrderedJson& copy) {
  Json record = record_of(context, copy.at("job_id").get<std::string>());
  // The digest before any other event is known to the daemon alone, and only where its log begins
  // there, too: otherwise the check says that they do not fit.
  if (copy.at("first_seq") != 1) return record;
  record["first_seq"] = 1;
  record.erase("base_digest");
  return record;
}

int verify_file(Context& context, const std::string& path) {
  LogFile file(path);
  Verifier verifier(file.is_export() ? Json::parse(file.record().dump())
                                     : record_of_copy(context, file.record()));
  for (std::string line; file.next(line);) verifier.line(line);
  verifier.finish();
  return report(context, file.record().value("job_id", ""), verifier);
}

int verify_job(Context& context, const std::string& job) {
  const Json record = record_of(context, job);
  Verifier verifier(record);
  read_log(context, record, [&](std::string_view line) { verifier.line(line); });
  verifier.finish();
  return report(context, job, verifier);
}

bool is_file(const std::string& name) {
  return name == "-" || access(name.c_str(), F_OK) == 0;
}

void write_export(Context& context, const std::string& job, Sink& output,
                  const std::stop_token& stop) {
  CallOptions options;
  options.stop = stop;
  const OrderedJson record =
      OrderedJson::parse(context.client().call_raw("GetJobStatus", {{"job_id", job}}, options));
  put_event_line(output, OrderedJson{{"domed_export", kFormat},
                                     {"record", record},
                                     {"base_digest", record.at("base_digest")}}
                             .dump());
  Verifier verifier(Json::parse(record.dump()));
  read_log(
      context, Json::parse(record.dump()),
      [&](std::string_view line) {
        put_event_line(output, line);
        verifier.line(line);
      },
      stop);
  if (stop.stop_requested()) return;
  verifier.finish();
  if (verifier.problem())
    throw Error(Code::corruption, "not exported: job " + job + ": " + *verifier.problem());
}

int export_job(Context& context, const std::string& job, const std::string& path) {
  context.client();  // before the signals are taken
  OutputFile file(path);
  const StopBySignal stop;
  write_export(context, job, file.output(), stop.token());
  if (stop.stopped()) return stop.code();
  file.commit();
  return 0;
}

// What the daemon takes from a record; the rest is in the events, as far as they
// were not trimmed away.
OrderedJson import_record(Context& context, const OrderedJson& record) {
  OrderedJson out = OrderedJson::object();
  for (const char* key :
       {"log_id",          "first_seq",  "request_hash", "run_id",   "client_id",
        "idempotency_key", "executor",   "tool_id",      "command",  "cwd",
        "labels",          "task",       "constraints",  "profile",  "limits",
        "timeout_s",       "expires_s",  "tty",          "stdin",    "base_digest",
        "digest",          "env",        "queue",        "priority", "depends_on",
        "not_before",      "retry",      "retry_of",     "state",    "reason",
        "message",         "exit_code",  "signal",       "head_seq", "as_of_seq",
        "created_at",      "started_at", "ended_at",     "streams",  "cancel_requested"})
    if (record.contains(key)) out[key] = record[key];
  if (context.knows("secrets"))
    for (const char* key : {"secret_env", "masked"})
      if (record.contains(key)) out[key] = record[key];
  if (record.contains("wanted_node") && context.knows("submit_node"))
    out["wanted_node"] = record["wanted_node"];
  if (record.contains("submitter") && context.knows("roles"))
    out["submitter"] = record["submitter"];
  // Of a log that begins at 1 the events say it again, and the daemon believes them.
  if (record.value("first_seq", 1) == 1) return out;
  for (const char* key : {"provenance", "artifacts"})
    if (record.contains(key)) out[key] = record[key];
  return out;
}

Json send_piece(Context& context, const OrderedJson& record, OrderedJson& lines, bool first,
                bool last) {
  OrderedJson params{{"job_id", record.at("job_id")}, {"events", std::move(lines)}, {"last", last}};
  if (first)
    params["record"] = import_record(context, record);
  else
    // Later pieces go to the log that the first one began, not to whatever the job id means by
    // then.
    params["log_id"] = record.at("log_id");
  if (last) params["digest"] = record.at("digest");
  lines = OrderedJson::array();
  return Json::parse(context.client().call_text("ImportJob", params.dump(), {}));
}

// Checked before anything is sent: a piece cannot be taken back.
void check_export(const std::string& path) {
  LogFile file(path);
  if (!file.is_export())
    throw UsageError(path + " has events but no record: import what 'domectl export' wrote");
  Verifier verifier(Json::parse(file.record().dump()));
  for (std::string line; file.next(line);) verifier.line(line);
  verifier.finish();
  if (verifier.problem()) throw Error(Code::corruption, "not imported: " + *verifier.problem());
}

int import_job(Context& context, const std::string& path) {
  if (path == "-") throw UsageError("an import is read twice: give a file, not stdin");
  check_export(path);
  LogFile file(path);
  OrderedJson lines = OrderedJson::array();
  bool first = true;
  std::size_t bytes = 0;
  for (std::string line; file.next(line);) {
    if (!lines.empty() && bytes + line.size() > kPieceBytes) {
      send_piece(context, file.record(), lines, std::exchange(first, false), false);
      bytes = 0;
    }
    bytes += line.size();
    lines.push_back(line);
  }
  const Json result = send_piece(context, file.record(), lines, first, true);
  context.json ? put_json(out(), result.dump())
               : put("imported " + field(file.record(), "job_id") + "\n");
  return 0;
}

}  // namespace

void add_copies(CLI::App& app, Context& context) {
  const auto subject = std::make_shared<std::string>(), job = std::make_shared<std::string>();
  const auto out = std::make_shared<std::string>("-"), in = std::make_shared<std::string>();
  CLI::App* verb =
      app.add_subcommand("verify", "Check a job's log, an export, or a follower's copy");
  verb->add_option("JOB|FILE", *subject,
                   "A job: its id, the beginning of it, its name, @last; or what 'domectl export' "
                   "or 'follow --json' wrote")
      ->required();
  verb->footer(
      "Recomputes the digest chain and the totals of the output streams; prints ok, or\n"
      "the first thing that is wrong, and exits 1.  What 'follow --json' wrote is checked\n"
      "against the daemon's record of the job.");
  verb->callback([&context, subject] {
    context.action = [&context, subject] {
      // A file first: no job's id is likely to be the name of a file in this directory, and a file
      // that was meant would otherwise be reported as a job that is not there.
      return is_file(*subject) ? verify_file(context, *subject)
                               : context.with_job(*subject, [&context](const std::string& id) {
                                   return verify_job(context, id);
                                 });
    };
  });

  verb = app.add_subcommand("export", "Write a job's record and events to a file");
  verb->add_option("JOB", *job, kJobHelp)->required();
  verb->add_option("-o,--output", *out, "Where to (default: stdout)")->type_name("FILE");
  verb->footer(
      "FILE appears, or is replaced, when all is written.  A new one has the mode that your umask\n"
      "gives, a replaced one keeps its own; a pipe or a device is written into.\n\n"
      "Example:\n  domectl export JOB -o job.jsonl && domectl verify job.jsonl");
  verb->callback([&context, job, out] {
    context.action = [&context, job, out] {
      return context.with_job(*job,
                              [&](const std::string& id) { return export_job(context, id, *out); });
    };
  });

  verb = app.add_subcommand("import", "Give an exported job, with ids and bytes, to a daemon");
  verb->add_option("FILE", *in, "A file that 'domectl export' wrote")->required();
  verb->callback(
      [&context, in] { context.action = [&context, in] { return import_job(context, *in); }; });
}

}  // namespace domed::ctl
