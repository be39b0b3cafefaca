// domed-console: the page that shows what jobs do, for browsers.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <thread>
#include <tuple>

#include "base/exit_code.h"
#include "base/units.h"
#include "base/unsignalled.h"
#include "base/version.h"
#include "base/words.h"
#include "client/tcp_peer.h"
#include "console/answer.h"
#include "console/console.h"
#include "domed/error.h"
#include "domed/support/hash.h"
#include "system/named_file.h"
#include "system/own_file.h"
#include "transport/listen_url.h"

namespace domed::console {
namespace {

constexpr std::size_t kLeastSecret = 16;

struct CommandLine {
  std::string listen = "127.0.0.1:7480", secret_file;
  std::vector<std::string> contexts, origins;
  NamedDaemon daemon;
  std::string tls_cert, tls_key, client_ca;
  std::vector<std::string> readers, operators;
  bool read_only = false, login_link = false;
};

void describe(CLI::App& app, CommandLine& given) {
  app.description("domed-console: a page that shows what jobs do, for browsers");
  app.set_version_flag("--version", std::string("domed-console ") + kVersion);
  const auto option = [&app](const char* name, std::string& to, const char* type,
                             const char* what) { app.add_option(name, to, what)->type_name(type); };
  option(
      "--listen", given.listen, "HOST:PORT",
      "Where browsers find it (default: 127.0.0.1:7480); beyond this machine it needs --tls-cert");
  option("--endpoint", given.daemon.endpoint, "URL[,URL]",
         "Control URL of the daemon (default: DOMED_ENDPOINT, then the user's own)");
  option("--endpoint-user", given.daemon.endpoint_user, "USER",
         "User whose daemon that is, where it is neither you nor root");
  app.add_option("--context", given.contexts,
                 "A daemon of ~/.config/domed/client.yaml; several times: each of them")
      ->type_name("NAME")
      ->allow_extra_args(false);
  option("--ca", given.daemon.ca, "FILE", "Over tls+tcp: who signs daemons");
  option("--cert", given.daemon.cert, "FILE", "Over tls+tcp: the console's certificate");
  option("--key", given.daemon.key, "FILE", "Its key");
  option("--token-file", given.daemon.token_file, "FILE",
         "What says to the daemon who the console is, but over ipc");
  option("--tls-cert", given.tls_cert, "FILE", "Serve https with this certificate");
  option("--tls-key", given.tls_key, "FILE", "Its key");
  option("--client-ca", given.client_ca, "FILE",
         "Authorities of certificates that browsers may show instead of logging in");
  app.add_option("--reader", given.readers,
                 "Whose certificate has this name may look, as the console; '*': any name")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.add_option("--operator", given.operators,
                 "Whose certificate has this name may do what the console itself may")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.add_option("--origin", given.origins,
                 "Another address that browsers reach it by, such as https://ci.example")
      ->type_name("URL")
      ->allow_extra_args(false);
  option("--secret-file", given.secret_file, "FILE",
         "A file with the secret by which one logs in as the console (default: one is made, once, "
         "in ~/.local/state/domed)");
  app.add_flag("--read-only", given.read_only, "Nobody changes anything by this console");
  app.add_flag("--login-link", given.login_link,
               "Print the address that logs in as the console, and end");
  app.footer(
      "Who logs in with the console's secret may do what the console itself may; with a token of "
      "a\n"
      "daemon that is reached over a network, what that token may.");
}

std::filesystem::path state_home() {
  const char* set = std::getenv("XDG_STATE_HOME");
  if (set && *set == '/') return set;
  const char* home = std::getenv("HOME");
  if (!home || *home != '/')
    throw Error(Code::invalid_argument,
                "there is no HOME to keep the secret below: name a file with --secret-file");
  return std::filesystem::path(home) / ".local" / "state";
}

// Who logged out is out when the console starts again, too.  Where a secret was given there may be
// no place of ours: a console that has none forgets.
std::string ended_file(const CommandLine& given) try {
  const auto directory = state_home() / "domed";
  std::filesystem::create_directories(directory);
  return directory / "console-logged-out";
} catch (const std::exception&) {
  if (given.secret_file.empty()) throw;
  return "";
}

std::string must_be_secret(std::string text, const std::string& where) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.size() < kLeastSecret || text.find_first_of(" \t\r\n") != std::string::npos)
    throw Error(Code::invalid_argument, where + " must hold one word of at least " +
                                            std::to_string(kLeastSecret) +
                                            " characters, and nothing else");
  return text;
}

// Kept, so that who is logged in stays so when the console starts again.
std::string secret_of(const CommandLine& given) {
  if (!given.secret_file.empty())
    return must_be_secret(read_secret(given.secret_file), given.secret_file);
  const auto directory = state_home() / "domed";
  const std::string file = directory / "console-secret";
  std::filesystem::create_directories(directory);
  // Two that begin at once make one: the other waits for it.
  for (;;) {
    const auto lock = lock_own(file + ".lock");
    const std::string kept = read_own(file);
    if (!kept.empty()) return must_be_secret(kept, file);
    if (lock) {
      const std::string made = random_hex(24);
      write_own(file, made + "\n");
      return made;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

std::pair<std::string, int> listen_place(const std::string& text) {
  const auto place = host_port("tcp://" + text);
  const auto port = place ? parse_integer(place->port) : std::nullopt;
  if (!port || *port < 0 || *port > 65535 || place->host.empty() || !place->path.empty())
    throw Error(Code::invalid_argument,
                "--listen must be HOST:PORT, as in 127.0.0.1:7480, not " + in_quotes(text));
  return {place->host, static_cast<int>(*port)};
}

void check_origin(const std::string& origin) {
  const bool scheme = origin.starts_with("https://") || origin.starts_with("http://");
  const std::string host = scheme ? origin.substr(origin.find("//") + 2) : "";
  if (host.empty() || host.find_first_of("/?#@ ") != std::string::npos)
    throw Error(Code::invalid_argument,
                "--origin must be a place such as https://ci.example, without a path, not " +
                    in_quotes(origin));
}

// The environment is where connections look for whom to trust, and no thread is there yet.
void trust(const std::string& user) {
  if (user.empty()) return;
  const char* before = std::getenv("DOMED_ENDPOINT_USER");
  if (before && *before && before != user)
    throw Error(Code::invalid_argument, "the contexts name different users as daemons' (" +
                                            in_quotes(before) + ", " + in_quotes(user) +
                                            "): start a console for each");
  setenv("DOMED_ENDPOINT_USER", user.c_str(), 1);
}

Settings settings_of(const CommandLine& given) {
  Settings out;
  std::tie(out.host, out.port) = listen_place(given.listen);
  if (given.tls_cert.empty() != given.tls_key.empty())
    throw Error(Code::invalid_argument, "--tls-cert and --tls-key belong together");
  if (given.tls_cert.empty() && !is_loopback(out.host))
    throw Error(Code::invalid_argument,
                "--listen " + given.listen +
                    " is beyond this machine, where anybody could read along: add --tls-cert and "
                    "--tls-key, or listen at 127.0.0.1");
  out.tls_cert = given.tls_cert;
  out.tls_key = given.tls_key;
  if (given.client_ca.empty() != (given.readers.empty() && given.operators.empty()) ||
      (!given.client_ca.empty() && given.tls_cert.empty()))
    throw Error(Code::invalid_argument,
                "--client-ca goes with --tls-cert, and with --reader or --operator, which say who "
                "may what");
  out.client_ca = given.client_ca;
  out.readers = given.readers;
  out.operators = given.operators;
  out.origins = given.origins;
  for (const auto& origin : given.origins) check_origin(origin);
  out.secret = secret_of(given);
  out.ended_file = ended_file(given);
  out.read_only = given.read_only;
  out.asset = find_asset;
  for (const auto& name : given.contexts.empty() ? std::vector<std::string>{""} : given.contexts) {
    if (name.find('/') != std::string::npos)
      throw Error(Code::invalid_argument, "a context with '/' in its name cannot be shown");
    const NamedDaemon daemon = chosen_daemon(given.daemon, name);
    trust(daemon.endpoint_user);
    const std::string& endpoint = given.daemon.endpoint;
    if (!name.empty())
      out.daemons.push_back({name, "--context " + name + " ", daemon});
    else
      out.daemons.push_back(
          {"local", endpoint.empty() ? "" : "--endpoint " + endpoint + " ", daemon});
  }
  return out;
}

// Whoever has the port is given the secret by the browser that opens the address: another account
// may have taken it while no console of ours runs.
void must_be_listened_at_by_us(const CommandLine& given, int port) {
  const auto users = users_who_listen_at(static_cast<unsigned>(port));
  std::set<uid_t> ours{0, geteuid()};
  struct stat kept {};
  if (!given.secret_file.empty() && stat(given.secret_file.c_str(), &kept) == 0)
    ours.insert(kept.st_uid);
  if (users.empty())
    throw Error(Code::not_found, "no console listens at " + given.listen +
                                     ": start it, or say by --listen where it does");
  for (const uid_t user : users)
    if (!ours.contains(user))
      throw Error(Code::invalid_argument,
                  "user " + std::to_string(user) + " listens at port " + std::to_string(port) +
                      ", and would be given the secret: start the console at another port, and say "
                      "so by --listen");
}

int serve(const CommandLine& given) {
  Settings settings = settings_of(given);
  const std::string scheme = settings.tls_cert.empty() ? "http" : "https";
  const std::string host =
      settings.host.find(':') == std::string::npos ? settings.host : "[" + settings.host + "]";
  const std::string login = "/#login=" + settings.secret;
  const auto url = [&](int port) { return scheme + "://" + host + ":" + std::to_string(port); };
  if (given.login_link) {
    must_be_listened_at_by_us(given, settings.port);
    std::printf("%s%s\n", url(settings.port).c_str(), login.c_str());
    return 0;
  }
  block_signals();
  Console console(std::move(settings));
  const int port = console.bind();
  std::thread server([&console] { console.serve(); });
  // The secret is for eyes alone: where this is a service its output is a log.
  const bool seen = isatty(STDOUT_FILENO) == 1;
  std::printf("%s%s\n", url(port).c_str(), seen ? login.c_str() : "/");
  std::fflush(stdout);
  if (!seen) say("'domed-console --login-link' prints the address that logs in");
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&ends, signal);
  int signal = 0;
  sigwait(&ends, &signal);
  console.stop();
  server.join();
  return 0;
}

int run(int argc, char** argv) {
  CommandLine given;
  CLI::App app;
  describe(app, given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : kUsage;
  }
  try {
    return serve(given);
  } catch (const Error& e) {
    say(e.what());
    return e.code() == Code::invalid_argument ? kUsage : 1;
  } catch (const std::exception& e) {
    say(e.what());
    return 1;
  }
}

}  // namespace
}  // namespace domed::console

int main(int argc, char** argv) {
  return domed::console::run(argc, argv);
}
