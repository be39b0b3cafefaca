#include "console/console.h"

#include <sys/resource.h>

#include <algorithm>

#include "base/version.h"
#include "base/words.h"
#include "console/answer.h"
#include "console/certificates.h"
#include "console/reading.h"
#include "domed/error.h"

namespace domed::console {
namespace {

using namespace std::chrono_literals;

// Each browser that follows something has one.
constexpr rlim_t kMostConnections = 1500;
constexpr std::size_t kMostBody = 64 << 10, kMostPath = 1024;
constexpr std::size_t kMostToken = 1024;
constexpr const char* kCookieAge = "604800";  // a week, as a session's

// As many as there are descriptors for, beside those of files and of connections to daemons.
std::size_t connections_there_may_be() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (const rlim_t wanted = 2 * kMostConnections; limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min(limit.rlim_max, wanted);
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  return std::min(kMostConnections, limit.rlim_cur - limit.rlim_cur / 4);
}

std::unique_ptr<Door> make_server(const Settings& settings, std::size_t most_connections) {
  tls::Owned<SSL_CTX> tls;
  if (!settings.tls_cert.empty())
    tls = make_tls(settings.tls_cert, settings.tls_key, settings.client_ca);
  return std::make_unique<Door>(most_connections, kMostBody, std::move(tls));
}

Json body_of(const httplib::Request& request) {
  // A form of another site's page cannot say so without the browser's asking first.
  if (request.get_header_value("Content-Type") != "application/json")
    invalid_request("the body must be application/json");
  Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) invalid_request("the body must be a JSON object");
  return body;
}

const char* method_of(const std::string& act) {
  static constexpr std::pair<const char*, const char*> kMethods[] = {
      {"cancel", "CancelJob"}, {"hold", "HoldJob"},     {"release", "ReleaseJob"},
      {"pause", "PauseJob"},   {"resume", "ResumeJob"}, {"retry", "RetryJob"}};
  for (const auto& [name, method] : kMethods)
    if (act == name) return method;
  invalid_request("'act' must be cancel, hold, release, pause, resume or retry, not " +
                  in_quotes(act));
}

}  // namespace

Console::Console(Settings settings)
    : settings_(std::move(settings)),
      guard_(!settings_.tls_cert.empty(), settings_.origins),
      sessions_(settings_.secret, settings_.ended_file),
      most_connections_(connections_there_may_be()),
      server_(make_server(settings_, most_connections_)),
      // So that there is room for requests, whoever follows.
      streams_{static_cast<int>(most_connections_ - most_connections_ / 3)} {
  for (const auto& [name, options, daemon] : settings_.daemons) {
    daemons_.emplace(name, std::make_unique<ShownDaemon>(name, options, daemon));
    order_.push_back(name);
  }
  set_up();
}

Console::~Console() {
  stop();
}

void Console::set_up() {
  // Not httplib's own, which would let a second console share the port, and the browsers.
  server_->set_socket_options([this](socket_t listening) {
    listening_ = listening;
    const int yes = 1;
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server_->set_default_headers(Guard::headers(tls()));
  // GET is answered here: httplib would match paths by std::regex, which a long one can overflow.
  server_->set_pre_routing_handler([this](const Request& request, Response& response) {
    if (request.method != "GET" && request.method != "HEAD")
      return httplib::Server::HandlerResponse::Unhandled;
    get(request, response);
    return httplib::Server::HandlerResponse::Handled;
  });
  const auto post = [this](const char* path, void (Console::*handle)(const Request&, Response&)) {
    server_->Post(path, [this, handle](const Request& request, Response& response) {
      if (refused(request, response, true)) return;
      response.set_header("Cache-Control", "no-store");
      try {
        (this->*handle)(request, response);
      } catch (const ApiError& e) {
        answer_error(response, e);
      } catch (const std::exception& e) {
        answer_error(response, ApiError("E_CONSOLE", e.what()));
      }
    });
  };
  post("/api/login", &Console::login);
  post("/api/logout", &Console::logout);
  post("/api/act", &Console::act);
  server_->set_error_handler([](const Request&, Response& response) {
    if (response.has_header("Content-Type")) return;  // it was answered
    if (response.status == 404)
      response.set_content(error_json(ApiError("E_NOT_FOUND", "there is nothing of this name")),
                           "application/json");
  });
}

bool Console::refused(const Request& request, Response& response, bool from_pages) {
  auto objection = guard_.objection(request, from_pages);
  if (request.path.size() > kMostPath) objection = "the path is too long";
  if (!objection) return false;
  answer_error(response, ApiError("E_FORBIDDEN", *objection));
  return true;
}

void Console::get(const Request& request, Response& response) {
  const bool is_api = request.path.starts_with("/api/");
  if (refused(request, response, is_api)) return;
  if (!is_api) return page(request, response);
  response.set_header("Cache-Control", "no-store");
  try {
    get_api(request, response, request.path.substr(5));
  } catch (const ApiError& e) {
    answer_error(response, e);
  } catch (const std::exception& e) {
    answer_error(response, ApiError("E_CONSOLE", e.what()));
  }
}

// The page finds its own way by its address, so that all of these are the one page.
void Console::page(const Request& request, Response& response) {
  const auto find = [this](std::string_view path) {
    return settings_.asset ? settings_.asset(path) : nullptr;
  };
  const Asset* asset = find(request.path);
  const bool is_page = !asset && request.path.find('.') == std::string::npos;
  if (is_page) asset = find("/index.html");
  if (!asset)
    return answer_error(response, ApiError("E_NOT_FOUND", "there is nothing of this name"));
  const std::string etag(asset->etag);
  response.set_header("ETag", etag);
  response.set_header("Vary", "Accept-Encoding");
  // What the build named by its content never changes.
  response.set_header("Cache-Control", request.path.starts_with("/assets/")
                                           ? "public, max-age=31536000, immutable"
                                           : "no-cache");
  if (request.get_header_value("If-None-Match") == etag) {
    response.status = 304;
    return;
  }
  const bool zipped = request.get_header_value("Accept-Encoding").find("gzip") != std::string::npos;
  if (zipped) response.set_header("Content-Encoding", "gzip");
  answer(response, 200, std::string(asset->type).c_str(),
         std::string(zipped ? asset->gzip : asset->plain));
}

void Console::get_api(const Request& request, Response& response, const std::string& path) {
  const auto session = session_of(request);
  if (!session->requests.take())
    throw ApiError("E_TOO_MANY", "too many requests: wait a moment", {{"retry_ms", 1000}});
  if (path == "session") {
    std::vector<ShownDaemon*> daemons;
    for (const auto& name : order_) daemons.push_back(daemons_.at(name).get());
    return answer_json(response,
                       describe(*session, daemons, settings_.read_only || session->looks_only));
  }
  const auto slash = path.find('/', 2);
  if (!path.starts_with("d/") || slash == std::string::npos)
    throw ApiError("E_NOT_FOUND", "there is nothing of this name");
  ShownDaemon* daemon = daemon_named(path.substr(2, slash - 2));
  if (!daemon || !client_of(*session, *daemon))
    throw ApiError("E_NOT_FOUND", "there is no daemon of this name here");
  const std::int64_t until =
      session->by_certificate ? certificate_of(request).until : session->until;
  Reading reading{request,  response, session, *daemon, {until, settings_.clock},
                  streams_, stopping_};
  if (!reading.answer(path.substr(slash + 1)))
    throw ApiError("E_NOT_FOUND", "there is nothing of this name");
}

ShownDaemon* Console::daemon_named(const std::string& name) {
  const auto found = daemons_.find(name);
  return found == daemons_.end() ? nullptr : found->second.get();
}

std::string Console::cookie_name() const {
  // A browser gives cookies of one host to all its ports.
  return "domed_console_" + std::to_string(port_);
}

std::string Console::cookie_of(const Request& request) const {
  const std::string header = request.get_header_value("Cookie"), key = cookie_name() + "=";
  for (std::size_t at = 0; at < header.size();) {
    std::size_t end = std::min(header.find(';', at), header.size());
    const std::string_view part = std::string_view(header).substr(at, end - at);
    if (part.starts_with(key)) return std::string(part.substr(key.size()));
    for (at = end + 1; at < header.size() && header[at] == ' ';) ++at;
  }
  return "";
}

void Console::set_cookie(Response& response, const std::string& value,
                         const std::string& age) const {
  response.set_header("Set-Cookie", cookie_name() + "=" + value +
                                        "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" + age +
                                        (tls() ? "; Secure" : ""));
}

void Console::login(const Request& request, Response& response) {
  const std::string word = text_at(body_of(request), "token");
  if (sessions_.is_secret(word)) {
    set_cookie(response, sessions_.begin(), kCookieAge);
    return answer_json(response, "{}");
  }
  Tries::Try a_try(tries_, request.remote_addr);
  std::map<std::string, std::shared_ptr<Client>> clients;
  std::string who;
  for (const auto& [name, daemon] : daemons_) {
    if (word.empty() || word.size() > kMostToken || !daemon->takes_tokens()) continue;
    try {
      auto client = daemon->client_of(word);
      CallOptions options;
      options.deadline = 5s;
      const Json me = client->call("WhoAmI", Json::object(), options);
      // Whoever else it takes us for was not told by the token.
      if (me.at("roles").empty() || !text_at(me, "identity").starts_with("token:")) continue;
      who = text_at(me, "identity");
      clients.emplace(name, std::move(client));
    } catch (const std::exception&) {  // this daemon does not know it
    }
  }
  if (clients.empty()) {
    const std::string wrong = "this is neither this console's secret nor a token of a daemon here";
    if (!a_try.was_wrong())
      throw ApiError("E_TOO_MANY", wrong + ", as much else that came from your address");
    say("a login failed from " + request.remote_addr);
    throw ApiError("E_LOGIN", wrong);
  }
  set_cookie(response, sessions_.begin(std::move(clients), who, word), kCookieAge);
  answer_json(response, "{}");
}

std::shared_ptr<Session> Console::session_of(const Request& request) {
  if (auto session = sessions_.of(cookie_of(request))) return session;
  std::string name;
  if (!settings_.client_ca.empty()) {
    const BrowserCertificate shown = certificate_of(request);
    if (!shown.name.empty() && settings_.clock() > shown.until)
      throw ApiError("E_LOGIN", "the certificate of your browser has expired");
    name = shown.name;
  }
  const auto has = [&name](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), name) != names.end() ||
           std::find(names.begin(), names.end(), "*") != names.end();
  };
  if (!name.empty() && has(settings_.operators)) return sessions_.of_certificate(name, false);
  if (!name.empty() && has(settings_.readers)) return sessions_.of_certificate(name, true);
  throw ApiError("E_LOGIN", "log in first");
}

std::shared_ptr<Session> Console::changing(const Request& request) {
  const auto session = session_of(request);
  if (!equal_secrets(request.get_header_value("X-Domed-Csrf"), session->csrf))
    throw ApiError("E_FORBIDDEN", "this request does not come from the page: load it again");
  if (!session->requests.take())
    throw ApiError("E_TOO_MANY", "too many requests: wait a moment", {{"retry_ms", 1000}});
  return session;
}

void Console::logout(const Request& request, Response& response) {
  changing(request);
  sessions_.end(cookie_of(request));
  set_cookie(response, "", "0");
  answer_json(response, "{}");
}

void Console::act(const Request& request, Response& response) {
  const auto session = changing(request);
  if (settings_.read_only || session->looks_only)
    throw ApiError("E_READ_ONLY", "you may only look, at this console");
  const Json body = body_of(request);
  const std::string what = text_at(body, "act"), job_id = text_at(body, "job_id");
  const char* method = method_of(what);
  ShownDaemon* daemon = daemon_named(text_at(body, "daemon"));
  Client* client = daemon ? client_of(*session, *daemon) : nullptr;
  if (!client) throw ApiError("E_NOT_FOUND", "there is no daemon of this name here");
  Json params{{"job_id", job_id}};
  if (const std::string reason = text_at(body, "reason"); !reason.empty() && what != "retry")
    params["reason"] = reason;
  if (what == "retry") params["idempotency_key"] = text_at(body, "key");
  CallOptions options;
  options.deadline = 15s;
  std::string result = client->call_raw(method, params, options);
  say(session->who + ": " + what + " " + in_quotes(job_id) + " of " + daemon->name());
  answer_json(response, std::move(result));
}

int Console::bind() {
  port_ = settings_.port == 0
              ? server_->bind_to_any_port(settings_.host)
              : (server_->bind_to_port(settings_.host, settings_.port) ? settings_.port : -1);
  if (port_ < 0)
    throw Error(Code::io, "cannot listen at " + settings_.host + ":" +
                              std::to_string(settings_.port) +
                              ": somebody else may; choose another address with --listen");
  // httplib lets five wait, and more are all browsers that come back when the console has started
  // again: the system would drop them, and each tries again ever later.
  listen(listening_, SOMAXCONN);
  guard_.listens_at(port_);
  return port_;
}

void Console::serve() {
  server_->listen_after_bind();
}

void Console::stop() {
  stopping_ = true;
  for (auto& [name, daemon] : daemons_) daemon->stop();
  server_->end();
  server_->stop();
}

}  // namespace domed::console
