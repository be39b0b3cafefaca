#include "served.h"

#include <grp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "daemon_process.h"
#include "domed/support/hash.h"
#include "protocol/endpoint.h"

namespace domed::matrix {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kListeners = 10;   // of the control socket
constexpr const char* kGroup = "games";  // which Debian has, and nobody is in

// {reader: ["KIND:reader"], …}, for people who are called as their rank.
std::string roles(const std::string& kinds) {
  std::string out;
  for (const Rank rank : {reader, producer, submitter, everything}) {
    out += (out.empty() ? "{" : ", ") + name_of(rank) + ": [";
    std::istringstream words(kinds);
    std::string separator;
    for (std::string kind; words >> kind; separator = ", ")
      out += separator + "\"" + kind +
             (kind == "uid:" ? std::to_string(kMembers + rank) : name_of(rank)) + "\"";
    out += "]";
  }
  return out + "}";
}

}  // namespace

bool can_be_others() {
  return geteuid() == 0 && getgrnam(kGroup) != nullptr;
}

gid_t member_group() {
  return getgrnam(kGroup)->gr_gid;
}

std::string secret_of(const std::string& name) {
  return "the-secret-of-" + name;
}

Served::Served() {
  chmod(directory_.c_str(), 0755);  // other users are to get as far as the sockets
  authority_.write_list();
  write_tokens(true);
  write_deployment();
  start();
  authority_.revoke(revoked_);
  authority_.write_list();
  write_tokens(false);
  read_again();
}

Served::~Served() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

void Served::write_tokens(bool with_removed) const {
  const std::string file = directory_ + "/tokens.yaml";
  std::ofstream out(file);
  const auto add = [&](const std::string& name, const std::string& more = "") {
    out << "- {name: " << name << ", sha256: " << sha256_hex(secret_of(name)) << more << "}\n";
  };
  for (const Rank rank : {none, reader, producer, submitter, everything}) add(name_of(rank));
  add("expired", ", expires: 2020-01-01T00:00:00Z");
  if (with_removed) add("removed");
  out.close();
  chmod(file.c_str(), 0600);
}

void Served::write_deployment() const {
  const std::string tls = "tls: {cert: " + server_.cert + ", key: " + server_.key;
  const std::string clients = ", client_ca: " + ca() + ", crl: " + ca() + ".crl";
  const std::string users = can_be_others() ? ", roles: " + roles("uid:") : "";
  std::ofstream out(directory_ + "/domed.yaml");
  out << "domed: 1\ncontrol:\n";
  if (can_be_others()) out << "  group: " << kGroup << "\n";
  out << "  listen:\n"
      << "    - {url: \"" << ipc_ << "\"" << users << "}\n"
      << "    - {url: \"tcp://127.0.0.1:0\", roles: " << roles("token:") << "}\n"
      << "    - {url: \"tls+tcp://127.0.0.1:0\", " << tls << clients
      << "}, roles: " << roles("cert:") << "}\n"
      << "    - {url: \"tls+tcp://127.0.0.1:0\", " << tls << "}, roles: " << roles("token:")
      << "}\n"
      << "    - {url: \"tls+tcp://127.0.0.1:0\", " << tls << clients
      << "}, roles: " << roles("cert: token:") << "}\n"
      << "    - {url: \"ws://127.0.0.1:0/\", roles: " << roles("token:") << "}\n";
  for (const Rank rank : {reader, producer, submitter, everything})
    out << "    - {url: \"ws://127.0.0.1:0/\", roles: {" << name_of(rank) << ": [anyone]}}\n";
  out << "events:\n  listen:\n"
      << "    - {url: \"ipc://" << directory_ << "/run/events.ipc\"" << users << "}\n"
      << "    - {url: \"tcp://127.0.0.1:0\", roles: {reader: [anyone]}}\n"
      << "    - {url: \"tls+tcp://127.0.0.1:0\", " << tls << clients
      << "}, roles: " << roles("cert:") << "}\n"
      << "    - {url: \"tls+tcp://127.0.0.1:0\", " << tls << "}, roles: {reader: [anyone]}}\n"
      << "    - {url: \"ws://127.0.0.1:0/\", roles: {reader: [anyone]}}\n"
      << "state_dir: " << directory_ << "/state\n"
      << "plugin_path: [" << DOMED_PLUGINS << "]\n"
      << "store: {plugin: store-memory}\n"
      << "jobs: {allow_ad_hoc: true, max_running: 1}\n"
      << "tokens: " << directory_ << "/tokens.yaml\n"
      << "tools: [{id: hello, version: \"1\", title: Hello, description: says hello, command: "
         "[echo, hello]}]\n";
}

void Served::start() {
  pid_ = faults::spawn({DOMED_BIN "/domed", "--config", directory_ + "/domed.yaml"},
                       directory_ + "/log", directory_ + "/log");
  client_ = std::make_unique<domed::Client>(ipc_);
  CallOptions options;
  options.await_daemon = true;
  try {
    const Json health = client_->call("Health", Json::object(), options);
    node_ = health.at("node").at("id");
    for (const std::string url : health.at("events")) events_[url_scheme(url)].push_back(url);
  } catch (const ApiError& e) {
    throw std::runtime_error(std::string(e.what()) + "\n" + log());
  }
  // What others submit stays queued behind it.
  ask("SubmitJob", {{"idempotency_key", "first"}, {"command", {"sleep", "600"}}});
  await([this] { return told(" serves ").size() == kListeners; });
  for (const auto& url : told(" serves ")) urls_[url_scheme(url)].push_back(url);
}

void Served::read_again() {
  const auto before = told(" is read again").size();
  kill(pid_, SIGHUP);
  await([&] { return told(" is read again").size() > before; });
}

void Served::await(const std::function<bool()>& holds) const {
  const auto limit = std::chrono::steady_clock::now() + 20s;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > limit) throw std::runtime_error("in vain: " + log());
    std::this_thread::sleep_for(5ms);
  }
}

std::vector<std::string> Served::told(const std::string& word) const {
  std::vector<std::string> out;
  std::istringstream lines(log());
  for (std::string line; std::getline(lines, line);)
    if (const auto at = line.find(word); at != std::string::npos)
      out.push_back(line.substr(at + word.size()));
  return out;
}

Json Served::ask(const std::string& method, const Json& params) {
  return client_->call(method, params);
}

std::string Served::log() const {
  std::ifstream file(directory_ + "/log");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace domed::matrix
