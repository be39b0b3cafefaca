// One client in a process of its own, so that it can be another user with other credentials:
//   matrix-asker stock|ours ask|hear URL PATIENCE_MS [UID GID GROUP]
// "ask" reads requests, {"method":…,"params":{…}} a line, and answers each with a line:
// {"result":…},
// {"error":{"error":"E_…",…}} or {"refused":"why"}.  "hear" prints what it heard of `daemon`, or
// nothing. Who it is: DOMED_CA, DOMED_CERT, DOMED_KEY, DOMED_TOKEN.
#include <grp.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "client/client.h"
#include "client/subscription.h"
#include "protocol/endpoint.h"
#include "transport/nng/socket.h"

namespace {

using domed::Json;
using std::chrono::milliseconds;

struct Given {
  bool stock = false, hears = false;
  std::string url;
  milliseconds patience;
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

void become(char** words) {
  const auto group = static_cast<gid_t>(std::atoi(words[2]));
  if (setgroups(group > 0, &group) != 0 || setgid(static_cast<gid_t>(std::atoi(words[1]))) != 0 ||
      setuid(static_cast<uid_t>(std::atoi(words[0]))) != 0)
    std::abort();
}

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

void dial(nng_socket socket, const std::string& url) {
  nng_dialer dialer = NNG_DIALER_INITIALIZER;
  domed::check_nng(nng_dialer_create(&dialer, socket, url.c_str()), "cannot dial");
  nng_tls_config* tls = nullptr;
  if (domed::url_scheme(url) == "tls+tcp") {
    nng_tls_config_alloc(&tls, NNG_TLS_MODE_CLIENT);
    nng_tls_config_auth_mode(tls, NNG_TLS_AUTH_MODE_REQUIRED);
    nng_tls_config_server_name(tls, "localhost");
    nng_tls_config_ca_chain(tls, text_of(variable("DOMED_CA")).c_str(), nullptr);
    if (const std::string cert = variable("DOMED_CERT"); !cert.empty())
      domed::check_nng(nng_tls_config_own_cert(tls, text_of(cert).c_str(),
                                               text_of(variable("DOMED_KEY")).c_str(), nullptr),
                       "cannot use the certificate");
    nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, tls);
  }
  // Else each request takes 40 ms; those that have no such option need none.
  nng_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true);
  const int result = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
  if (tls) nng_tls_config_free(tls);
  domed::check_nng(result, "cannot dial");
}

// nng's own sockets.
class Stock {
 public:
  explicit Stock(const Given& given) : socket_(given.hears ? nng_sub0_open : nng_req0_open) {
    const auto limit = static_cast<nng_duration>(given.patience.count());
    nng_socket_set_ms(socket_.get(), NNG_OPT_SENDTIMEO, limit);
    nng_socket_set_ms(socket_.get(), NNG_OPT_RECVTIMEO, limit);
    if (given.hears)
      nng_socket_set(socket_.get(), NNG_OPT_SUB_SUBSCRIBE, "daemon", 6);
    else
      nng_socket_set_ms(socket_.get(), NNG_OPT_REQ_RESENDTIME, -1);
    dial(socket_.get(), given.url);
  }
  std::string hear() {
    nng_msg* message = nullptr;
    domed::check_nng(nng_recvmsg(socket_.get(), &message, 0), "no answer");
    return std::string(domed::body(domed::Message(message).get()));
  }
  Json ask(Json request) {
    request["jsonrpc"] = "2.0";
    request["id"] = 1;
    if (const std::string token = variable("DOMED_TOKEN"); !token.empty()) request["token"] = token;
    domed::Message message = domed::make_message(request.dump());
    domed::check_nng(nng_sendmsg(socket_.get(), message.get(), 0), "not sent");
    static_cast<void>(message.release());
    const Json reply = Json::parse(hear());
    if (!reply.contains("error")) return {{"result", reply.at("result")}};
    if (reply["error"]["code"] != -32000 && reply["error"]["data"]["error"] == "E_FORBIDDEN")
      throw std::runtime_error("another code: " + reply.dump());
    return {{"error", reply["error"]["data"]}};
  }

 private:
  domed::Socket socket_;
};

class Ours {
 public:
  explicit Ours(const Given& given) : client_(given.url) {
    options_.deadline = given.patience;
    options_.repeat = false;
  }
  Json ask(const Json& request) try {
    return {{"result",
             client_.call(std::string(request.at("method")), request.at("params"), options_)}};
  } catch (const domed::ApiError& e) {
    if (e.name() == "E_UNREACHABLE" || e.name() == "E_UNTRUSTED") throw;
    Json data = e.fields();
    data["error"] = e.name();
    return {{"error", data}};
  }

 private:
  domed::Client client_;
  domed::CallOptions options_;
};

std::string heard_by_ours(const Given& given) {
  domed::Subscription subscription(given.url, {"daemon"});
  return subscription.next(domed::Connection::Clock::now() + given.patience, {}).value_or("");
}

template <class Client>
void serve(const Given& given) {
  Client client(given);
  for (std::string line; std::getline(std::cin, line);)
    std::cout << client.ask(Json::parse(line)).dump() << std::endl;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 5 && argc != 8) return 2;
  if (argc == 8) become(argv + 5);
  const Given given{std::string(argv[1]) == "stock", std::string(argv[2]) == "hear", argv[3],
                    milliseconds(std::atoi(argv[4]))};
  if (given.hears)
    std::cout << (given.stock ? Stock(given).hear() : heard_by_ours(given));
  else if (given.stock)
    serve<Stock>(given);
  else
    serve<Ours>(given);
  return 0;
} catch (const std::exception& e) {
  if (std::string(argv[2]) == "ask") std::cout << Json{{"refused", e.what()}}.dump() << std::endl;
  return 1;
}
