#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "bench/latency.h"
#include "bench/load.h"
#include "bench/peer.h"
#include "bench/verbs.h"
#include "client/channel.h"

namespace domed::bench {
namespace {

using namespace std::chrono_literals;

// A certificate that signs itself, for the daemon and for its clients, who all show the same.
class Certificate {
 public:
  explicit Certificate(const Options& options) : directory_(options) {
    Child made({"/usr/bin/env",
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=bench",
                "-addext",
                "subjectAltName=IP:127.0.0.1,URI:bench",
                "-addext",
                "extendedKeyUsage=serverAuth,clientAuth",
                "-keyout",
                key(),
                "-out",
                cert()},
               directory_.path() + "/log");
    if (made.end(0) != 0) throw Skip("there is no program 'openssl' that makes a certificate");
    setenv("DOMED_CA", cert().c_str(), 1);  // for the load generators too
    setenv("DOMED_CERT", cert().c_str(), 1);
    setenv("DOMED_KEY", key().c_str(), 1);
  }
  std::string cert() const { return directory_.path() + "/cert.pem"; }
  std::string key() const { return directory_.path() + "/key.pem"; }
  std::string listener(const std::string& role) const {
    return R"(, {url: "tls+tcp://127.0.0.1:0", tls: {cert: )" + cert() + ", key: " + key() +
           ", client_ca: " + cert() + "}, roles: {" + role + R"(: ["cert:bench"]}})";
  }

 private:
  const Directory directory_;
};

std::string plain_listener(const std::string& role) {
  return R"(, {url: "tcp://127.0.0.1:0", roles: {)" + role + ": [anyone]}}";
}

Listeners listeners(const Certificate& certificate) {
  return {plain_listener("operator") + certificate.listener("operator"),
          plain_listener("reader") + certificate.listener("reader")};
}

// 64 followers of a job whose producer goes as fast as it can, then one of them over all of it.
void measure_follow(const Options& options, const Certificate& certificate,
                    const std::string& scheme, Report& report) {
  constexpr std::uint64_t kFollowers = 64, kBatch = 500;
  Server server(options, 8, 1, listeners(certificate));
  const std::string endpoint = server.endpoint(scheme);
  const auto jobs = submit_all(server.client(), 1, "tls-");
  const Followed live = produce_to_followers(
      server, jobs, produce_params(server, jobs, options.scaled(200, 2), kBatch, kText),
      {{"followers", kFollowers}, {"endpoint", endpoint}});
  const auto delivered = live.seen.at("events").get<double>();
  report.add("tls.follow." + scheme, "deliveries/s", delivered / live.seconds);
  report.add("tls.follow." + scheme + ".cpu", "us/delivery", live.cpu_seconds / delivered * 1e6);
  const std::uint64_t events = live.produced.at("events").get<std::uint64_t>() + 1;  // and its end
  for (const bool warm : {false, true}) {
    const Json read = read_all(endpoint, ids_of(jobs), events);
    const double seconds =
        (read.at("last_us").get<double>() - read.at("begin_us").get<double>()) / 1e6;
    if (warm) report.add("tls.replay." + scheme, "events/s", static_cast<double>(events) / seconds);
  }
}

// One request at a time, by each way in turn.
void measure_requests(const Options& options, const Server& server, Report& report) {
  constexpr const char* kSchemes[] = {"ipc", "tcp", "tls+tcp"};
  std::vector<std::unique_ptr<Client>> clients;
  for (const char* scheme : kSchemes)
    clients.push_back(std::make_unique<Client>(server.endpoint(scheme)));
  std::vector<Latency> latencies(clients.size());
  for (std::uint64_t i = 0; i < options.scaled(5000, 20); ++i)
    for (std::size_t at = 0; at < clients.size(); ++at) {
      const double begin = now_us();
      clients[at]->call("Health", Json::object());
      if (i > 0) latencies[at].add(now_us() - begin);  // the first one connects
    }
  for (std::size_t at = 0; at < clients.size(); ++at)
    report.add(std::string("tls.request.") + kSchemes[at] + ".p50", "us",
               latencies[at].percentile(50));
}

std::size_t descriptors_of(pid_t pid) {
  const std::filesystem::directory_iterator files("/proc/" + std::to_string(pid) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

// Connections that have shaken hands and said hello, and then nothing.
void measure_idle(const Options& options, const Server& server, Report& report) {
  const std::uint64_t count = options.scaled(1000, 10);
  const std::string url = server.endpoint("tls+tcp");
  const auto connect = [&] {
    auto channel = std::make_unique<Channel>(std::vector<std::string>{url});
    if (channel->dial(20s, {}) != 0) throw std::runtime_error("an idle connection is not taken");
    return channel;
  };
  const auto first = connect();
  const auto before = server.process().rss();
  const auto had = descriptors_of(server.process().pid());
  std::vector<std::unique_ptr<Channel>> idle;
  while (idle.size() < count) idle.push_back(connect());
  report.add("tls.idle.memory", "KiB/connection",
             (static_cast<double>(server.process().rss()) - static_cast<double>(before)) / 1024 /
                 static_cast<double>(count));
  if (descriptors_of(server.process().pid()) < had + count)
    throw std::runtime_error("the daemon ended some of the idle connections");
}

}  // namespace

void run_tls(const Options& options, Report& report) {
  const Certificate certificate(options);
  for (int i = 0; i < options.repeats; ++i) {
    for (const char* scheme : {"ipc", "tls+tcp"})
      measure_follow(options, certificate, scheme, report);
    const Server server(options, 8, 1, listeners(certificate));
    measure_requests(options, server, report);
    measure_idle(options, server, report);
  }
  report.at_least("tls.follow.tls+tcp", 0.6 * report.median("tls.follow.ipc"),
                  "0.6 x tls.follow.ipc");
}

}  // namespace domed::bench
