// The part of Client for what makes a job, which no two nodes may make twice.
#include "client/calling.h"
#include "client/client.h"

namespace domed {

// Who we are to whom we are connected to.
struct Client::Asked {
  std::string url, identity;  // empty: it does not tell
};

Client::Asked Client::who_answers(std::chrono::steady_clock::time_point begin,
                                  const CallOptions& options) {
  CallOptions asking = options;
  Asked out;
  asking.answered_by = &out.url;
  try {
    const Json who =
        Json::parse(finish(*send(request_text("WhoAmI", "{}"), begin, asking)), nullptr, false);
    if (who.is_object() && who.contains("identity") && who["identity"].is_string())
      out.identity = who["identity"].get<std::string>();
  } catch (const ApiError& e) {
    if (e.name() != "E_UNKNOWN_METHOD") throw;
    out.url = endpoint();
  }
  return out;
}

// By whom a job may have been made already, and why that is not known.
struct Client::Doubt {
  Asked asked;
  std::string why;
  std::optional<Asked> other;  // who might make it a second time
  std::string refused;         // what another one said that would not make it
};

std::string Client::submit_once(const std::string& request,
                                std::chrono::steady_clock::time_point begin,
                                const CallOptions& options, std::optional<Doubt>& doubt) {
  std::optional<Asked> now;
  try {
    const Asked who = who_answers(begin, options);
    if (doubt && who.url != doubt->asked.url &&
        (who.identity.empty() || who.identity != doubt->asked.identity)) {
      doubt->other = who;
      channel_.leave(who.url);
      unreachable("the job may have been made at " + doubt->asked.url + ", which is not there now");
    }
    const auto pending = send(request, begin, options, &who.url);
    now = who;
    return finish(*pending);
  } catch (const ApiError& e) {
    // E_STORE: nothing was kept, or it is not known.
    const bool open = (e.name() == "E_UNREACHABLE" && !has_field(e, "unsent")) ||
                      (e.name() == "E_STORE" && is_retryable(e));
    if (!doubt && now && open) doubt = {*now, e.what(), std::nullopt, ""};
    // Who refuses it did not make it; that says nothing of who may have.
    const bool refuses = !is_retryable(e) && e.name() != "E_UNREACHABLE" &&
                         e.name() != "E_STOPPED" && e.name() != "E_IDEMPOTENCY_KEY_REUSED";
    if (doubt && refuses && (!now || now->url != doubt->asked.url))
      doubt->refused =
          (now ? now->url : "another node") + " refuses it (" + e.name() + ": " + e.what() + ")";
    throw;
  }
}

std::string Client::make_job(std::string_view method, const Json& params,
                             const CallOptions& options) {
  const std::string request = request_text(method, text_of(params));
  const auto begin = std::chrono::steady_clock::now();
  std::optional<Doubt> doubt;
  try {
    return repeated(options, [&] { return submit_once(request, begin, options, doubt); });
  } catch (const ApiError& e) {
    if (!doubt || e.name() == "E_STOPPED") throw;
    const auto named = [](const Asked& who) {
      return who.identity.empty() ? "somebody it does not name" : who.identity;
    };
    std::string more;
    if (!doubt->refused.empty())
      more = doubt->refused;
    else if (doubt->other)
      more = doubt->other->url + " knows this client as " + named(*doubt->other) + ", not as " +
             named(doubt->asked) + ", so that sent there it might be made a second time";
    else
      throw;
    unreachable("it is not known whether the job was made: " + doubt->why + "; and " + more +
                ".  Send it again with the same idempotency key, " +
                params.value("idempotency_key", "") + ", when " + doubt->asked.url +
                " is back: that finds the job, or makes it");
  }
}

}  // namespace domed
