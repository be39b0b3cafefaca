#include "client/fake_daemon.h"

#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "client/event_line.h"
#include "protocol/api_error.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

constexpr int kWorkers = 24;

// One REP context with its operation, used in a blocking way.
class Worker {
 public:
  explicit Worker(nng_socket socket) {
    check_nng(nng_ctx_open(&context_, socket), "context");
    check_nng(nng_aio_alloc(&aio_, nullptr, nullptr), "aio");
  }
  ~Worker() { nng_aio_free(aio_); }
  nng_ctx context() const { return context_; }
  std::optional<std::string> receive() {
    nng_ctx_recv(context_, aio_);
    nng_aio_wait(aio_);
    if (nng_aio_result(aio_) != 0) return std::nullopt;
    const Message message(nng_aio_get_msg(aio_));
    return std::string(body(message.get()));
  }
  void send(const std::string& text) {
    nng_aio_set_msg(aio_, make_message(text).release());
    nng_ctx_send(context_, aio_);
    nng_aio_wait(aio_);
    if (nng_aio_result(aio_) != 0) nng_msg_free(nng_aio_get_msg(aio_));
  }

 private:
  nng_ctx context_ = NNG_CTX_INITIALIZER;
  nng_aio* aio_ = nullptr;
};

std::string error_reply(const Json& id, const ApiError& error) {
  Json data = error.fields().is_object() ? error.fields() : Json::object();
  data["error"] = error.name();
  data["retryable"] = error.retryable();
  return Json{{"jsonrpc", "2.0"},
              {"id", id},
              {"error", {{"code", -32000}, {"message", error.what()}, {"data", data}}}}
      .dump();
}

}  // namespace

Scratch::Scratch() {
  std::string name = "/tmp/domed-test-XXXXXX";
  if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
  path_ = name;
}

Scratch::~Scratch() {
  std::filesystem::remove_all(path_);
}

FakeDaemon::FakeDaemon(const std::string& directory) : directory_(directory) {
  add("state_change", R"({"to":"queued"})");
  start();
}

void FakeDaemon::start() {
  const std::lock_guard lock(mutex_);
  running_ = true;
  ++epoch_;
  rep_.emplace(nng_rep0_open);
  pub_.emplace(nng_pub0_open);
  check_nng(nng_listen(rep_->get(), control().c_str(), nullptr, 0), "listen");
  check_nng(nng_listen(pub_->get(), events().c_str(), nullptr, 0), "listen");
  for (int i = 0; i < kWorkers; ++i) threads_.emplace_back([this] { serve(); });
  threads_.emplace_back([this] { beat(); });
}

void FakeDaemon::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return;
    running_ = false;
    changed_.notify_all();
  }
  // Contexts before their socket: see Channel's destructor.
  for (const auto& context : contexts_) nng_ctx_close(context);
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  contexts_.clear();
  rep_->close();
  pub_->close();
}

void FakeDaemon::answer(const std::string& method, Method how) {
  const std::lock_guard lock(mutex_);
  methods_[method] = std::move(how);
}

void FakeDaemon::serve() {
  std::optional<Worker> worker;
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return;
    worker.emplace(rep_->get());
    contexts_.push_back(worker->context());
  }
  while (const auto request = worker->receive())
    if (const auto reply = reply_to(*request)) worker->send(*reply);
}

void FakeDaemon::beat() {
  std::unique_lock lock(mutex_);
  while (running_) {
    if (beats) publish("daemon\n{\"epoch\":\"e" + std::to_string(epoch_) + "\"}\n");
    if (!mute) publish(frame(lines_.size() + 1));
    changed_.wait_for(lock, 200ms, [&] { return !running_; });
  }
}

void FakeDaemon::publish(const std::string& message) {
  if (!running_) return;
  Message copy = make_message(message);
  if (nng_sendmsg(pub_->get(), copy.get(), 0) == 0) (void)copy.release();
}

std::string FakeDaemon::frame(std::uint64_t first) {
  std::string text = "job/job-1\n" +
                     Json{{"log_id", log_id},
                          {"first", first},
                          {"head", lines_.size()},
                          {"state", state_},
                          {"epoch", "e" + std::to_string(epoch_)}}
                         .dump() +
                     "\n";
  for (std::size_t i = first - 1; i < lines_.size(); ++i) text += lines_[i] + "\n";
  return text;
}

void FakeDaemon::add(const std::string& type, const std::string& payload) {
  lines_.push_back(R"({"job_id":"job-1","seq":)" + std::to_string(lines_.size() + 1) +
                   R"(,"ts":"2026-01-01T00:00:00.000000Z","type":")" + type + R"(","payload":)" +
                   payload + "}");
  if (is_terminal(*read_event_line(lines_.back()))) state_ = "succeeded";
}

void FakeDaemon::append(const std::string& type, const std::string& payload) {
  const std::lock_guard lock(mutex_);
  add(type, payload);
  if (!mute) publish(frame(lines_.size()));
  changed_.notify_all();
}

std::vector<std::string> FakeDaemon::lines() {
  const std::lock_guard lock(mutex_);
  return lines_;
}

int FakeDaemon::calls(const std::string& method) {
  const std::lock_guard lock(mutex_);
  return calls_[method];
}

std::optional<std::string> FakeDaemon::reply_to(const std::string& text) {
  const Json request = Json::parse(text);
  const std::string method = request["method"];
  Method replaced;
  {
    const std::lock_guard lock(mutex_);
    ++calls_[method];
    if (methods_.contains(method)) replaced = methods_[method];
  }
  std::string result;
  try {
    if (!replaced && method == "StreamJobEvents") {
      result = stream(request["params"]);
    } else {
      const auto json =
          replaced ? replaced(request["params"]) : built_in(method, request["params"]);
      if (!json) return std::nullopt;
      result = json->dump();
    }
  } catch (const ApiError& e) {
    return error_reply(request["id"], e);
  }
  const std::lock_guard lock(mutex_);
  if (lose_every > 0 && ++replies_ % lose_every == 0) return std::nullopt;
  return R"({"jsonrpc":"2.0","id":)" + request["id"].dump() + R"(,"result":)" + result + "}";
}

std::optional<Json> FakeDaemon::built_in(const std::string& method, const Json& params) {
  if (method == "Health") return Json{{"version", "fake"}};
  if (method == "AppendJobEvents") return append_batch(params);
  throw ApiError("E_UNKNOWN_METHOD", "no method '" + method + "'");
}

std::string FakeDaemon::stream(const Json& params) {
  std::unique_lock lock(mutex_);
  if (params["job_id"] != "job-1") throw ApiError("E_NOT_FOUND", "no job like that");
  const auto since = params.value("since_seq", std::uint64_t{0});
  const std::chrono::milliseconds wait(params.value("wait_ms", 0));
  if (params.contains("log_id") && params["log_id"] != log_id)
    throw ApiError("E_LOG_CHANGED", "another log", {{"log_id", log_id}});
  if (since > lines_.size())
    throw ApiError("E_CURSOR_AHEAD", "beyond the head", {{"head", lines_.size()}});
  changed_.wait_for(lock, wait,
                    [&] { return !running_ || lines_.size() > since || state_ == "succeeded"; });
  const std::size_t end = std::min<std::size_t>(lines_.size(), since + page_events);
  std::string events;
  for (std::size_t i = since; i < end; ++i) events += (i > since ? "," : "") + lines_[i];
  const bool more = end < lines_.size();
  return R"({"log_id":")" + log_id + R"(","first_seq":1,"head_seq":)" +
         std::to_string(lines_.size()) + R"(,"state":")" + state_ + R"(","events":[)" + events +
         R"(],"more":)" + (more ? "true" : "false") + R"(,"final":)" +
         (!more && state_ == "succeeded" ? "true" : "false") + R"(,"events_urls":[")" +
         other_events_url.value_or(this->events()) + R"("]})";
}

// The order of checks is the contract's; a batch ahead of its turn waits a while.
Json FakeDaemon::append_batch(const Json& params) {
  std::unique_lock lock(mutex_);
  const std::uint64_t batch = params["batch"];
  const std::string content = params["events"].dump();
  changed_.wait_for(lock, 200ms, [&] { return batch <= last_batch_ + 1 || !running_; });
  if (batch <= last_batch_) {
    auto& [known, outcome] = batches_[batch];
    if (known != content) throw ApiError("E_BATCH_MISMATCH", "other content");
    Json again = outcome;
    again["replayed"] = true;
    return again;
  }
  if (batch > last_batch_ + 1)
    throw ApiError("E_BATCH_GAP", "a gap", {{"expected", last_batch_ + 1}});
  if (state_ == "succeeded") throw ApiError("E_SEALED", "the job is over");
  const std::uint64_t first = lines_.size() + 1;
  for (const auto& event : params["events"]) add(event["type"], event["payload"].dump());
  if (!mute) publish(frame(first));
  last_batch_ = batch;
  const Json outcome{{"first_seq", first},
                     {"head_seq", lines_.size()},
                     {"state", state_},
                     {"replayed", false},
                     {"cancel_requested", false}};
  batches_[batch] = {content, outcome};
  changed_.notify_all();
  return outcome;
}

}  // namespace domed
