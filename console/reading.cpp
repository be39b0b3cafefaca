#include "console/reading.h"

#include "base/version.h"
#include "client/page.h"
#include "console/answer.h"
#include "console/stream.h"

namespace domed::console {
namespace {

using namespace std::chrono_literals;

CallOptions within(std::chrono::milliseconds time) {
  CallOptions out;
  out.deadline = time;
  return out;
}

OrderedJson describe_one(Client& client, const ShownDaemon& daemon) {
  OrderedJson out{{"name", daemon.name()}, {"options", daemon.options()}};
  try {
    const Json me = client.call("WhoAmI", Json::object(), within(3s));
    const Json health = client.call("Health", Json::object(), within(3s));
    out["identity"] = me.at("identity");
    out["roles"] = me.at("roles");
    for (const char* key : {"version", "node", "store", "time", "troubles"})
      if (health.contains(key)) out[key] = health.at(key);
    out["features"] = client.call("ListCapabilities", Json::object(), within(3s))
                          .value("features", Json::array());
  } catch (const ApiError& e) {
    out["trouble"] = e.name() + ": " + e.what();
  }
  return out;
}

}  // namespace

Client* client_of(Session& session, ShownDaemon& daemon) {
  if (session.own()) return &daemon.client();
  const auto found = session.clients.find(daemon.name());
  return found == session.clients.end() ? nullptr : found->second.get();
}

std::string describe(Session& session, const std::vector<ShownDaemon*>& daemons, bool read_only) {
  OrderedJson out{{"csrf", session.csrf},
                  {"who", session.who},
                  {"read_only", read_only},
                  {"version", kVersion},
                  {"daemons", OrderedJson::array()}};
  for (ShownDaemon* daemon : daemons)
    if (Client* client = client_of(session, *daemon))
      out["daemons"].push_back(describe_one(*client, *daemon));
  return out.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

void Reading::call(const char* method, const Json& params) {
  answer_json(response, client().call_raw(method, params, within(15s)));
}

Json Reading::params(std::initializer_list<const char*> texts,
                     std::initializer_list<const char*> numbers) {
  Json out = Json::object();
  for (const char* name : texts)
    if (const std::string text = text_param(request, name); !text.empty()) out[name] = text;
  for (const char* name : numbers)
    if (const auto number = number_param(request, name)) out[name] = *number;
  return out;
}

bool Reading::answer(const std::string& what) {
  if (what == "jobs")
    call("ListJobs", params({"state", "label", "name", "tool_id", "submitter", "node", "since",
                             "until", "page"},
                            {"limit"}));
  else if (what == "job")
    call("GetJobStatus", params({"job_id"}, {}));
  else if (what == "search")
    call("SearchJob", params({"job_id", "log_id", "literal", "pattern"},
                             {"since_seq", "until_seq", "limit", "context"}));
  else if (what == "find")
    call("FindJob", params({"text"}, {}));
  else if (what == "tools")
    call("ListTools", Json::object());
  else if (what == "tool")
    call("GetTool", params({"tool_id"}, {}));
  else if (what == "health")
    call("Health", Json::object());
  else if (what == "events")
    events();
  else if (what == "follow")
    follow();
  else if (what == "live")
    live();
  else if (what == "download")
    file();
  else
    return false;
  return true;
}

// A line of JSON that tells of the page, then the event lines, byte for byte: a digest is of those.
void Reading::events() {
  Page page;
  page.bytes = client().call_raw(
      "StreamJobEvents",
      params({"job_id", "log_id"}, {"since_seq", "before_seq", "max_events", "max_bytes"}),
      within(15s));
  read_page(page);
  std::string out = OrderedJson{{"log_id", page.log_id},     {"first_seq", page.first_seq},
                                {"head_seq", page.head_seq}, {"state", page.state},
                                {"more", page.more},         {"final", page.final}}
                        .dump() +
                    "\n";
  out.reserve(out.size() + page.bytes.size());
  for (const auto line : page.lines) out.append(line).append("\n");
  console::answer(response, 200, "application/x-ndjson", std::move(out));
}

// What all share is read as the console: who shares it must be a reader by themselves.
void Reading::must_be_reader() {
  if (session->own()) return;
  const Json me = client().call("WhoAmI", Json::object(), within(5s));
  if (me.at("roles").empty()) throw ApiError("E_FORBIDDEN", "you are not known any more here");
}

std::shared_ptr<StreamPlace> Reading::place() {
  return std::make_shared<StreamPlace>(streams, session, session->own() ? nullptr : &client(), end);
}

void Reading::follow() {
  must_be_reader();
  follow_log(request, response, daemon, place(), stopping);
}

void Reading::live() {
  must_be_reader();
  follow_jobs(response, daemon, place());
}

void Reading::file() {
  const std::string as = text_param(request, "as");
  if (as != "raw" && as != "events") invalid_request("'as' must be raw or events");
  const std::string job_id = text_param(request, "job_id");
  // What is wrong is told while it can be.
  client().call("GetJobStatus", {{"job_id", job_id}}, within(15s));
  const auto found = session->clients.find(daemon.name());
  // The daemon's own client lives as long as the program serves.
  const auto client = session->own()
                          ? std::shared_ptr<Client>(std::shared_ptr<void>(), &daemon.client())
                          : found->second;
  download(response, client, job_id, as == "events", text_param(request, "stream"), place(),
           stopping);
}

}  // namespace domed::console
