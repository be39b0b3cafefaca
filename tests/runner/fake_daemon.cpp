#include "fake_daemon.h"

#include <nng/protocol/reqrep0/rep.h>

#include <chrono>

#include "domed/support/hash.h"
#include "protocol/api_error.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

constexpr int kContexts = 12;

Json error_of(const ApiError& e) {
  Json data = e.fields().is_object() ? Json(e.fields()) : Json::object();
  data.update({{"error", e.name()}, {"retryable", e.retryable()}});
  return {{"code", -32000}, {"message", e.what()}, {"data", data}};
}

}  // namespace

FakeDaemon::FakeDaemon(std::string url) {
  commit("state_change", {{"to", "queued"}});
  doors_.push_back(std::make_unique<Door>());
  doors_.back()->url = std::move(url);
  start();
}

FakeDaemon::~FakeDaemon() {
  for (const auto& door : doors_) close(*door);
}

void FakeDaemon::start() {
  open(*doors_.front());
}

void FakeDaemon::stop() {
  close(*doors_.front());
}

void FakeDaemon::also_at(const std::string& url, const std::string& refusal) {
  auto door = std::make_unique<Door>();
  door->url = url;
  door->refusal = refusal;
  open(*door);
  const std::scoped_lock lock(mutex_);
  doors_.push_back(std::move(door));
}

int FakeDaemon::asked_at(const std::string& url) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& door : doors_)
    if (door->url == url) return door->asked;
  return 0;
}

void FakeDaemon::open(Door& door) {
  door.stopping = false;
  door.socket = std::make_unique<Socket>(nng_rep0_open);
  check_nng(nng_listen(door.socket->get(), door.url.c_str(), nullptr, 0), door.url);
  for (int i = 0; i < kContexts; ++i) {
    nng_ctx context;
    check_nng(nng_ctx_open(&context, door.socket->get()), "context");
    door.contexts.push_back(context);
    door.threads.emplace_back([this, &door, context] { serve(door, context); });
  }
}

void FakeDaemon::close(Door& door) {
  {
    const std::scoped_lock lock(mutex_);
    door.stopping = true;
  }
  changed_.notify_all();
  // Contexts before their socket: see Channel's destructor.
  for (const auto& context : door.contexts) nng_ctx_close(context);
  for (auto& thread : door.threads) thread.join();
  door.contexts.clear();
  door.threads.clear();
  if (door.socket) door.socket->close();
}

void FakeDaemon::serve(Door& door, nng_ctx context) {
  nng_aio* aio = nullptr;
  nng_aio_alloc(&aio, nullptr, nullptr);
  for (;;) {
    nng_ctx_recv(context, aio);
    nng_aio_wait(aio);
    if (nng_aio_result(aio) != 0) break;
    const Message request(nng_aio_get_msg(aio));
    bool lose = false;
    const Json reply = answer(door, body(request.get()), lose);
    if (lose) nng_pipe_close(nng_msg_get_pipe(request.get()));
    if (lose) continue;
    nng_aio_set_msg(aio, make_message(reply.dump()).release());
    nng_ctx_send(context, aio);
    nng_aio_wait(aio);
    if (nng_aio_result(aio) != 0) nng_msg_free(nng_aio_get_msg(aio));
  }
  nng_aio_free(aio);
}

Json FakeDaemon::answer(Door& door, std::string_view text, bool& lose) {
  const Json request = Json::parse(text);
  Json reply = {{"jsonrpc", "2.0"}, {"id", request["id"]}};
  std::unique_lock lock(mutex_);
  ++door.asked;
  changed_.notify_all();
  try {
    for (const auto& refusal : {refusal_, door.refusal})
      if (!refusal.empty()) throw ApiError(refusal, "refused by the test");
    const bool appends = request["method"] == "AppendJobEvents";
    reply["result"] = appends ? append(door, request["params"], sha256_hex(text), lock, lose)
                              : page(door, request["params"], lock);
  } catch (const ApiError& e) {
    reply["error"] = error_of(e);
  }
  return reply;
}

Json FakeDaemon::append(const Door& door, const Json& params, const std::string& digest,
                        std::unique_lock<std::mutex>& lock, bool& lose) {
  const std::uint64_t batch = params["batch"];
  changed_.wait(lock, [&] { return !held_ || door.stopping; });
  changed_.wait_for(lock, 1s, [&] { return batches_.size() + 1 >= batch || door.stopping; });
  if (door.stopping) throw ApiError("E_BUSY", "stopping");
  const bool replayed = batches_.contains(batch);
  if (replayed && batches_[batch] != digest) throw ApiError("E_BATCH_MISMATCH", "other bytes");
  if (!replayed && batches_.size() + 1 != batch) throw ApiError("E_BATCH_GAP", "a gap");
  if (!replayed && sealed_) throw ApiError("E_SEALED", "sealed");
  const std::size_t first = events_.size() + 1;
  if (!replayed) {
    for (const auto& event : params["events"]) {
      commit(event["type"], event["payload"]);
      if (event.contains("t")) events_.back()["t"] = event["t"];
    }
    batches_[batch] = digest;
  }
  longest_batch_ = std::max(longest_batch_, params["events"].size());
  replays_ += replayed;
  lose = lose_ > 0 && lose_-- > 0;
  changed_.notify_all();
  Json out{{"first_seq", first},
           {"head_seq", events_.size()},
           {"state", "running"},
           {"replayed", replayed},
           {"cancel_requested", cancel_requested_},
           {"paused", paused_}};
  if (stop_in_) out["stop_in_ms"] = stop_in_->count();
  return out;
}

Json FakeDaemon::page(const Door& door, const Json& params, std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [&] { return !mute_ || door.stopping; });
  // Asked since it was said: the answer to an earlier poll need not count.
  const bool last = last_word_;
  const std::size_t since = params["since_seq"];
  const auto told = stop_in_;
  ++polls_;
  changed_.notify_all();
  changed_.wait_for(lock, std::chrono::milliseconds(params.value("wait_ms", 0)), [&] {
    return last || told != stop_in_ || events_.size() != since || sealed_ || door.stopping ||
           !refusal_.empty() || params["log_id"] != log_id_;
  });
  --polls_;
  changed_.notify_all();
  if (!refusal_.empty()) throw ApiError(refusal_, "refused by the test");
  if (params["log_id"] != log_id_) {
    const Json renamed{{"log_id", log_id_}, {"first", 1}, {"head", events_.size()}};
    if (tells_late_) {
      changed_.wait(lock, [&] { return events_.size() != renamed["head"] || door.stopping; });
      changed_.wait_for(lock, 300ms, [&] { return door.stopping; });  // until that was answered
      tells_late_ = false;
      changed_.notify_all();
    }
    throw ApiError("E_LOG_CHANGED", "renamed", renamed);
  }
  if (since > events_.size()) throw ApiError("E_CURSOR_AHEAD", "ahead", {{"head", events_.size()}});
  Json events = Json::array();
  if (since < events_.size()) events.push_back(events_[since]);
  Json out{{"log_id", log_id_},
           {"first_seq", 1},
           {"head_seq", events_.size()},
           {"events", events},
           {"more", false},
           {"final", false},
           {"state", sealed_ ? "failed" : "running"}};
  if (stop_in_) out["stop_in_ms"] = stop_in_->count();
  for (std::size_t i = 1; i < doors_.size(); ++i) out["others"].push_back(doors_[i]->url);
  mute_ = last;
  return out;
}

void FakeDaemon::stop_in_without_another_word(std::chrono::milliseconds time) {
  const std::scoped_lock lock(mutex_);
  stop_in_ = time;
  last_word_ = true;
  changed_.notify_all();
}

void FakeDaemon::stop_in(std::chrono::milliseconds time) {
  const std::scoped_lock lock(mutex_);
  stop_in_ = time;
  changed_.notify_all();
}

void FakeDaemon::commit(const std::string& type, const Json& payload) {
  events_.push_back(
      {{"job_id", "j"}, {"seq", events_.size() + 1}, {"type", type}, {"payload", payload}});
  if (type == "state_change") sealed_ = payload["to"] != "queued" && payload["to"] != "running";
  changed_.notify_all();
}

void FakeDaemon::wait_for_poll() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return polls_ > 0 && !tells_late_; });
}

void FakeDaemon::rename(bool loses, bool late) {
  const std::scoped_lock lock(mutex_);
  tells_late_ = late;
  log_id_ = "another";
  if (loses) events_.pop_back();
  changed_.notify_all();
}

void FakeDaemon::lose_replies(int count) {
  const std::scoped_lock lock(mutex_);
  lose_ = count;
}

void FakeDaemon::refuse(const std::string& error) {
  const std::scoped_lock lock(mutex_);
  refusal_ = error;
  changed_.notify_all();
}

void FakeDaemon::cancel(bool in_replies) {
  const std::scoped_lock lock(mutex_);
  cancel_requested_ = in_replies;
  commit("cancel_requested", Json::object());
}

void FakeDaemon::pause(bool paused) {
  const std::scoped_lock lock(mutex_);
  paused_ = paused;
  commit(paused ? "paused" : "resumed", Json::object());
}

void FakeDaemon::seal() {
  const std::scoped_lock lock(mutex_);
  commit("state_change", {{"to", "failed"}});
}

void FakeDaemon::hold() {
  const std::scoped_lock lock(mutex_);
  held_ = true;
}

void FakeDaemon::allow() {
  const std::scoped_lock lock(mutex_);
  held_ = false;
  changed_.notify_all();
}

void FakeDaemon::wait_for(const std::string& text) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    for (const auto& event : events_)
      if (event.dump().find(text) != std::string::npos) return true;
    return false;
  });
}

void FakeDaemon::wait_for_terminal() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return sealed_; });
}

std::vector<Json> FakeDaemon::events() const {
  const std::scoped_lock lock(mutex_);
  return events_;
}

std::vector<Json> FakeDaemon::events_of(const std::string& type) const {
  std::vector<Json> out;
  for (const auto& event : events())
    if (event["type"] == type) out.push_back(event["payload"]);
  return out;
}

std::string FakeDaemon::output(const std::string& stream) const {
  std::string out, bytes;
  for (const auto& log : events_of("log")) {
    if (log["stream"] != stream) continue;
    if (log.contains("b64")) from_base64(log["b64"].get<std::string>(), bytes);
    out += log.contains("text") ? log["text"].get<std::string>() : bytes;
    if (log.value("eol", true)) out += '\n';
  }
  return out;
}

int FakeDaemon::replays() const {
  const std::scoped_lock lock(mutex_);
  return replays_;
}

std::size_t FakeDaemon::longest_batch() const {
  const std::scoped_lock lock(mutex_);
  return longest_batch_;
}

}  // namespace domed
