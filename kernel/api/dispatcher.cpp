#include "api/dispatcher.h"

#include "api/permission.h"
#include "protocol/limits.h"
#include "protocol/request.h"

namespace domed {
namespace {

constexpr std::size_t kQuickBytes = 64 << 10;  // read on the thread that brought them

}  // namespace

Dispatcher::Dispatcher(const Methods& methods, Workers& workers, Audit& audit, Metrics& metrics,
                       Tell tell)
    : methods_(methods),
      workers_(workers),
      audit_(audit),
      metrics_(metrics),
      tell_(std::move(tell)) {
  for (const auto& [name, method] : methods_.all())
    measured_[name] = {
        &metrics_.counter("domed_requests_total", "Requests by their method.",
                          metric_label("method", name)),
        &metrics_.histogram("domed_request_duration_seconds",
                            "How long requests took from their last byte to their answer, but for "
                            "polls that were held.",
                            metric_label("method", name))};
}

// Errors are seldom enough to be looked up by name.
void Dispatcher::answered(const Call& call, std::string_view error) {
  const auto took = std::chrono::steady_clock::now() - call.came;
  if (const auto of = measured_.find(call.method); of != measured_.end() && !call.waited)
    of->second.took->observe(took);
  if (!error.empty())
    metrics_
        .counter("domed_request_errors_total", "Requests that were answered with an error.",
                 metric_label("method", std::string(call.method)) + "," +
                     metric_label("error", std::string(error)))
        .add();
  if (tell_) tell_({call.method, call.who->name, error, took});
}

void Dispatcher::take(std::string bytes, Peer peer, std::function<void(std::string)> reply) {
  Call call;
  call.peer = std::move(peer);
  call.reply = std::move(reply);
  call.answers = this;
  call.came = std::chrono::steady_clock::now();
  if (bytes.size() > limits::kRequestBytes)  // never queued, so that such cannot pile up
    return call.error(
        ApiError("E_TOO_LARGE", "a request may have " + std::to_string(limits::kRequestBytes) +
                                    " bytes, this one has " + std::to_string(bytes.size())));
  if (bytes.size() <= kQuickBytes) return handle(bytes, std::move(call));
  const auto large = std::make_shared<const std::string>(std::move(bytes));
  const auto task = [this, large, call] { handle(*large, call); };
  workers_.run(task, task, peer.pipe);  // dropped, it is refused by what it asks for
}

void Dispatcher::handle(const std::string& bytes, Call call) {
  Request request;
  try {
    read_request(bytes, request);
    // "call" stays, to say why not.
    call.id = request.id;
    const Method& method = methods_.named(request.method);
    const auto measured = measured_.find(request.method);
    measured->second.asked->add();
    call.method = measured->first;
    authorize(request, method, call);
    if (method.audited != Audited::no)
      call.outcome = audit_.witness(call.who, request, method.audited == Audited::pieces);
    Call with_params = call;
    with_params.params = std::move(request.params);
    answer(method, std::move(with_params));
  } catch (...) {
    // As far as the envelope could be read: a refusal goes to the request that it is of.
    call.id = request.id;
    call.error(std::current_exception());
  }
}

// Before anything else of the request is looked at: who may not ask gets no parser to try.
void Dispatcher::authorize(const Request& request, const Method& method, Call& call) const {
  if (call.peer.caller) call.who = call.peer.caller->who(request.token);
  try {
    must_have_role(*call.who, method.needs, request.method);
  } catch (const ApiError& refusal) {
    audit_.refused(*call.who, request.method, "", refusal);
    throw;
  }
}

void Dispatcher::answer(const Method& method, Call call) {
  if (method.runs == Runs::at_once) return method.answer(std::move(call));
  const auto shared = std::make_shared<Call>(std::move(call));
  workers_.run(
      [&method, shared] {
        try {
          shared->peer.must_read();
          method.answer(*shared);
        } catch (...) {
          shared->error(std::current_exception());
        }
      },
      [shared] { shared->error(stopping_error()); }, shared->peer.pipe);
}

}  // namespace domed
