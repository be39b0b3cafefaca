#include "api/dispatcher.h"

#include "api/permission.h"
#include "protocol/limits.h"
#include "protocol/request.h"

namespace domed {
namespace {

constexpr std::size_t kNoParams = 1024;        // bytes that are still looked at, for their names
constexpr std::size_t kQuickBytes = 64 << 10;  // read on the thread that brought them

IdentityPtr as_now(const Call& call) {
  return call.peer.caller ? call.peer.caller->again(*call.who) : call.who;
}

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
  if (bytes.size() > limits::kRequestBytes) {  // never queued, so that such cannot pile up
    const ApiError why("E_TOO_LARGE", "a request may have " +
                                          std::to_string(limits::kRequestBytes) +
                                          " bytes, this one has " + std::to_string(bytes.size()));
    tell_unread({}, call, why);
    return call.error(why);
  }
  if (bytes.size() <= kQuickBytes) return handle(bytes, std::move(call));
  if (call.peer.caller) call.who = call.peer.caller->who({});  // as far as is known without a look
  const auto large = std::make_shared<const std::string>(std::move(bytes));
  // Of whoever has left nothing is looked at any more.
  workers_.run(
      [this, large, call] {
        if (!call.peer.is_gone()) handle(*large, call);
      },
      [large, call] {
        if (!call.peer.is_gone()) refuse(*large, call);
      },
      call.sender());
}

// The daemon stops.  The envelope has the id; what was asked for is nobody's concern any more.
void Dispatcher::refuse(const std::string& bytes, Call call) {
  Request request;
  try {
    read_request(bytes, request);
  } catch (const ApiError&) {  // as far as it can be read
  }
  call.id = request.id;
  call.error(stopping_error());
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
    // Before anything else of the request is looked at: who may not ask gets no parser to try.
    if (call.peer.caller) call.who = call.peer.caller->who(request.token);
    must_be_allowed(*call.who, method, call);
    // Nor does whoever may ask all the same, which strangers may what takes none.
    if (method.needs == Role::none && request.params.size() > kNoParams)
      invalid_request(request.method + " takes no params");
    if (method.audited == Audited::each || method.audited == Audited::pieces)
      call.outcome = audit_.witness(call.who, request, method.audited == Audited::pieces);
    Call with_params = call;
    with_params.params = std::move(request.params);
    answer(method, std::move(with_params));
  } catch (const ApiError& e) {
    // As far as the envelope could be read: a refusal goes to the request that it is of.
    call.id = request.id;
    if (call.method.empty()) tell_unread(request, call, e);
    call.error(e);
  } catch (...) {
    call.id = request.id;
    call.error(std::current_exception());
  }
}

void Dispatcher::must_be_allowed(const Identity& who, const Method& method,
                                 const Call& call) const {
  try {
    must_have_role(who, method.needs, call.method);
  } catch (const ApiError& refusal) {
    // What has a witness is told by that.
    if (!call.outcome) audit_.failed(who, call.method, "", refusal);
    throw;
  }
}

// Of a change whose params, or what stands beside them, could not be read; or of what may have been
// one, for its method could not be read either.
void Dispatcher::tell_unread(const Request& request, const Call& call, const ApiError& why) const {
  const auto method = methods_.all().find(request.method);
  const bool known = method != methods_.all().end();
  if (known ? method->second.audited == Audited::no : !request.method.empty()) return;
  const IdentityPtr who = call.peer.caller ? call.peer.caller->who(request.token) : call.who;
  // As everywhere: who may not ask gets no parser to try.
  const bool may_ask = known && who->role >= method->second.needs;
  audit_.unread(*who, request.method, may_ask ? request.params : "{}", why);
}

bool Dispatcher::may_still(const Call& call) const {
  return as_now(call)->role >= methods_.named(std::string(call.method)).needs;
}

IdentityPtr Dispatcher::must_still_be_allowed(const Call& call) const {
  IdentityPtr who = as_now(call);
  must_be_allowed(*who, methods_.named(std::string(call.method)), call);
  return who;
}

void Dispatcher::answer(const Method& method, Call call) {
  if (method.runs == Runs::at_once) return method.answer(std::move(call));
  const auto shared = std::make_shared<Call>(std::move(call));
  workers_.run(
      [&method, shared] {
        try {
          shared->who = shared->must_still_be_allowed();
          // A change is made all the same: it came whole.
          if (method.audited == Audited::no || !shared->peer.is_gone()) shared->peer.must_read();
          method.answer(*shared);
        } catch (...) {
          shared->error(std::current_exception());
        }
      },
      [shared] { shared->error(stopping_error()); }, shared->sender());
}

}  // namespace domed
