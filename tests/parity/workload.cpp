#include "workload.h"

#include "base/units.h"

namespace domed::test {
namespace {

constexpr std::uint64_t kKeys = 40;
constexpr int kForeign = 6;

// Finished jobs of a daemon elsewhere, some of them trimmed, to be imported.
std::vector<Export> foreign_jobs() {
  Scratch scratch;
  Kernel elsewhere("store-memory", scratch.path());
  elsewhere.environment.ids = 1 << 24;
  std::vector<Export> out;
  for (int i = 0; i < kForeign; ++i) {
    const Json job = elsewhere.running_job("foreign-" + std::to_string(i));
    elsewhere.append(job, 1, Json(10, log_event("from afar " + std::to_string(i))));
    elsewhere.append(job, 2, {change_to(i % 3 ? "succeeded" : "failed")});
    if (i % 2) elsewhere.call("TrimJob", {{"job_id", job["job_id"]}, {"keep_from_seq", 4 + i}});
    out.push_back(export_job(elsewhere, job["job_id"]));
  }
  return out;
}

Digest digest_of_hex(const std::string& hex) {
  Digest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<std::uint8_t>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
  return digest;
}

}  // namespace

Workload::Workload(Lockstep& kernels, std::uint64_t seed)
    : kernels_(kernels), random_(seed), foreign_(foreign_jobs()) {}

void Workload::step() {
  const std::uint64_t dice = jobs_.empty() ? 0 : below(1000);
  if (dice < 110) return submit();
  if (dice < 580) return append();
  if (dice < 640) return assign();
  if (dice < 660) return hold();
  if (dice < 675) return cancel();
  if (dice < 720) return trim();
  if (dice < 740) return remove();
  if (dice < 860) return page();
  if (dice < 915) return status();
  if (dice < 960) return list();
  if (dice < 975) return import();
  if (dice < 990) return turn_clock();
  restart();
}

Workload::Job& Workload::any_job() {
  return jobs_[below(jobs_.size())];
}

std::string Workload::any_id() {
  if (chance(2)) return "nobody";
  if (chance(10)) return any(foreign_).record["job_id"];
  return any_job().submitted["job_id"];
}

Json Workload::call(const std::string& method, const Json& params) {
  Json reply = kernels_.request(method, params);
  ++outcomes_[reply.contains("result") ? method
                                       : reply["error"]["data"]["error"].get<std::string>()];
  return reply;
}

void Workload::submit() {
  Json params{{"idempotency_key", "key-" + std::to_string(below(kKeys))}, {"executor", "external"}};
  if (chance(15)) params["client_id"] = "someone";
  if (chance(10)) params["profile"] = "other";
  if (chance(10)) params["expires_s"] = below(3);
  if (chance(30)) params["labels"] = {{"colour", any<std::string>({"red", "blue"})}};
  if (chance(5)) params["tool_id"] = "no-such-tool";
  if (chance(25)) params.update({{"executor", "local-process"}, {"command", {"true"}}});
  const Json reply = call("SubmitJob", params);
  if (!reply.contains("result")) return;
  Json job = reply["result"];
  if (!job.contains("producer_token")) job["producer_token"] = "none before it is assigned";
  if (known_.emplace(job["job_id"], jobs_.size()).second) jobs_.push_back({job, 1, false, {}});
}

Json Workload::batch(const Job& job, const std::string& producer, std::uint64_t number,
                     const Json& events) {
  return {{"job_id", job.submitted["job_id"]},
          {"producer_id", producer},
          {"producer_token", chance(3) ? Json("wrong") : job.submitted["producer_token"]},
          {"batch", number},
          {"events", events}};
}

void Workload::append() {
  Job& job = any_job();
  if (job.running && chance(6)) return append_out_of_order(job);
  const std::string producer = "p" + std::to_string(below(4));
  auto& accepted = job.batches[producer];
  std::uint64_t number = accepted.size() + 1;
  Json what = events(job);
  if (chance(15) && !accepted.empty()) {  // again, or the number with other content
    number = 1 + below(accepted.size());
    if (chance(70)) what = accepted[number - 1];
  }
  if (chance(3)) number = accepted.size() + 100;  // too far ahead to be waited for
  if (chance(4)) what = Json::array();
  const Json reply = call("AppendJobEvents", batch(job, producer, number, what));
  if (!reply.contains("result") || what.empty()) return;
  job.head = std::max(job.head, reply["result"]["head_seq"].get<std::uint64_t>());
  if (reply["result"]["replayed"] == false) job.running = reply["result"]["state"] == "running";
  if (number == accepted.size() + 1) accepted.push_back(what);
}

// The producer is new, so its first batch is 1 whatever came before.
void Workload::append_out_of_order(Job& job) {
  const std::string producer = "q" + std::to_string(kernels_.steps());
  const Json one = batch(job, producer, 1, Json(1, log_event("one"))),
             two = batch(job, producer, 2, Json(2, log_event("two")));
  if (one["producer_token"] != two["producer_token"]) return;
  kernels_.overtaking("AppendJobEvents", two, one);
}

Json Workload::events(const Job& job) {
  Json out = Json::array();
  if (job.batches.size() <= 1 && chance(70)) out.push_back(change_to("running"));
  for (std::uint64_t i = 0, count = 1 + below(8); i < count; ++i) out.push_back(event());
  if (chance(3)) {
    Json end = change_to(any<std::string>({"succeeded", "failed", "canceled"}));
    if (chance(50)) end["payload"].update({{"reason", "exit"}, {"exit_code", below(3)}});
    out.push_back(end);
  }
  if (chance(20))  // the producer's clock; mostly all events of a batch have it, as they must
    for (auto& each : out)
      if (!chance(1)) each["t"] = 1'700'000'000'000'000 + below(200'000'000);
  return out;
}

Json Workload::event() {
  switch (below(14)) {
    case 0:
      return {{"type", "progress"},
              {"payload", {{"value", 0.125 * static_cast<double>(below(9))}}}};
    case 1:
      return {{"type", "artifact"},
              {"payload",
               {{"kind", "file"}, {"path", text() + "p"}, {"sha256", std::string(64, 'a')}}}};
    case 2:
      return {{"type", "x-thing"}, {"payload", {{"n", random_()}, {"list", {1, "two", nullptr}}}}};
    case 3:
      return {{"type", "stream_end"}, {"payload", {{"stream", "stdout"}, {"dropped", below(100)}}}};
    case 4:
      return {{"type", "guard"}, {"payload", Json::object()}};
    case 5:
      return chance(80) ? log() : Json{{"type", "nonsense"}, {"payload", Json::object()}};
    default:
      return log();
  }
}

Json Workload::log() {
  Json payload{{"stream", any<std::string>({"stdout", "stderr"})}};
  if (chance(20))
    payload["b64"] = to_base64(std::string("\xff\xfe\0x", 4) + std::to_string(below(1000)));
  else
    payload["text"] = text();
  if (chance(20)) payload["eol"] = false;
  return {{"type", "log"}, {"payload", payload}};
}

std::string Workload::text() {
  std::string out =
      any<std::string>({"plain", "\xc3\xa4\xe2\x80\xa8", "tab\tand\rCR", "\"quoted\\\"", ""});
  if (chance(5)) out.append(chance(25) ? 70'000 : below(30'000), 'x');  // some are too large
  return out + std::to_string(below(100));
}

// As a scheduler would, but of any job and at any time.
void Workload::assign() {
  Job& job = any_job();
  const std::string id = job.submitted["job_id"], token = "t" + std::to_string(kernels_.steps());
  const bool back = chance(30);
  const std::string error = kernels_.change(back ? "take back" : "assign", id, [&](JobLog& log) {
    back ? log.take_back() : log.assign("node-1", token);
  });
  ++outcomes_[error.empty() ? (back ? "taken back" : "assigned") : error];
  if (error.empty() && !back) job.submitted["producer_token"] = token;
}

void Workload::hold() {
  const char* const pause = chance(50) ? "PauseJob" : "ResumeJob";
  const char* const hold = chance(50) ? "HoldJob" : "ReleaseJob";
  call(chance(40) ? pause : hold, {{"job_id", any_id()}});
}

void Workload::cancel() {
  Json params{{"job_id", any_id()}};
  if (chance(50)) params["reason"] = text().substr(0, 100);
  call("CancelJob", params);
}

void Workload::trim() {
  call("TrimJob", {{"job_id", any_id()}, {"keep_from_seq", 1 + below(any_job().head + 2)}});
}

void Workload::remove() {
  call("DeleteJob", {{"job_id", any_id()}});
}

void Workload::status() {
  call("GetJobStatus", {{"job_id", any_id()}});
}

void Workload::page() {
  const Job& job = any_job();
  Json params{{"job_id", chance(90) ? job.submitted["job_id"].get<std::string>() : any_id()},
              {"since_seq", below(chance(20) ? 3 : job.head + 3)}};
  if (chance(40)) params["log_id"] = chance(90) ? job.submitted["log_id"] : Json("another");
  if (chance(50)) params["max_events"] = 1 + below(20);
  if (chance(30)) params["max_bytes"] = 1 + below(30'000);
  const auto kind = below(100);
  if (kind < 3) params["wait_ms"] = 1;
  if (kind >= 70) {
    params["before_seq"] = params["since_seq"];
    params.erase("since_seq");
  }
  call("StreamJobEvents", params);
}

void Workload::list() {
  Json params{{"limit", 1 + below(20)}};
  if (chance(40))
    params["state"] = any<std::string>({"queued", "running", "succeeded", "failed", "canceled"});
  if (chance(30)) params["label"] = any<std::string>({"colour=red", "colour=blue", "colour=none"});
  if (chance(20))
    params["since"] =
        format_time(1'700'000'000'000'000 + static_cast<std::int64_t>(below(4'000'000)));
  for (int pages = 0; pages < 3; ++pages) {
    const Json reply = call("ListJobs", params);
    if (!reply.contains("result") || !reply["result"].contains("next_page")) return;
    params["page"] = reply["result"]["next_page"];
  }
}

void Workload::import() {
  for (const auto& piece : import_pieces(any(foreign_), 1 + below(12)))
    if (!call("ImportJob", piece).contains("result")) return;
}

void Workload::restart() {
  kernels_.restart();
  ++outcomes_["restart"];
}

void Workload::turn_clock() {
  kernels_.turn_clock(chance(50) ? -static_cast<std::int64_t>(below(100'000'000))
                                 : static_cast<std::int64_t>(below(1'000'000)));
}

void Workload::check_digests() {
  for (const auto& job : jobs_) {
    const std::string id = job.submitted["job_id"];
    const Json reply = call("GetJobStatus", {{"job_id", id}});
    if (!reply.contains("result")) continue;
    Digest digest = digest_of_hex(reply["result"]["base_digest"]);
    for (const auto& line : kernels_.lines(id)) digest = chain(digest, line);
    EXPECT_EQ(reply["result"]["digest"], to_hex(digest)) << "job " << id;
  }
}

}  // namespace domed::test
