#include <chrono>
#include <thread>

#include "bench/child.h"
#include "bench/latency.h"
#include "bench/pace.h"
#include "bench/peer.h"
#include "bench/roles.h"
#include "bench/server.h"
#include "bench/stamp.h"
#include "bench/unix.h"

namespace domed::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kEntryBytes = 128;
constexpr std::size_t kWindow = 16;  // as our producer has
constexpr const char* kStream = "events";

// A connection that speaks as much RESP as is needed here.
class Redis {
 public:
  explicit Redis(const std::string& path) : socket_(connect_unix(path)) {}

  void send(const std::vector<std::string_view>& words) {
    std::string text = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string_view word : words)
      text.append("$" + std::to_string(word.size()) + "\r\n").append(word).append("\r\n");
    send_all(socket_, text);
  }

  // The next reply.  Throws where it is an error.
  Json receive() {
    const std::string line = take_line();
    const auto number = [&] { return std::stoll(line.substr(1)); };
    if (line[0] == '+') return line.substr(1);
    if (line[0] == ':') return number();
    if (line[0] == '$') {
      const std::string text = take(static_cast<std::size_t>(number()));
      take_line();
      return text;
    }
    if (line[0] != '*') throw std::runtime_error("redis: " + line);
    Json list = Json::array();
    for (auto i = number(); i > 0; --i) list.push_back(receive());
    return list;
  }

  Json call(const std::vector<std::string_view>& words) {
    send(words);
    return receive();
  }
  void add(std::string_view payload) { send({"XADD", kStream, "*", "payload", payload}); }

 private:
  void read_more() {
    char bytes[65536];
    buffer_.append(receive_some(socket_, bytes, sizeof bytes));
  }
  std::string take(std::size_t size) {
    while (buffer_.size() < size) read_more();
    std::string text = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return text;
  }
  std::string take_line() {
    std::size_t end;
    while ((end = buffer_.find("\r\n")) == std::string::npos) read_more();
    std::string line = take(end + 2);
    line.resize(end);
    return line;
  }

  const Fd socket_;
  std::string buffer_;
};

class RedisServer {
 public:
  explicit RedisServer(const Options& options) : directory_(options) {
    const auto program = find_program("redis-server");
    if (!program)
      throw Skip("there is no redis-server in PATH (Debian: apt-get install redis-server)");
    process_ = std::make_unique<Child>(
        std::vector<std::string>{*program, "--port", "0", "--unixsocket", path(), "--dir",
                                 directory_.path(), "--appendonly", "yes", "--appendfsync",
                                 "always", "--save", "", "--daemonize", "no"},
        directory_.path() + "/log");
    await_start();
  }
  ~RedisServer() { process_->end(15); }

  std::string path() const { return directory_.path() + "/redis.sock"; }

 private:
  void await_start() const {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    for (;;) try {
        Redis(path()).call({"PING"});
        return;
      } catch (const std::runtime_error&) {
        if (std::chrono::steady_clock::now() > deadline)
          throw std::runtime_error("redis-server does not serve: " +
                                   read_if_there(directory_.path() + "/log"));
        std::this_thread::sleep_for(1ms);
      }
  }

  const Directory directory_;
  std::unique_ptr<Child> process_;
};

// As long as our events' payloads.
std::string stamped_payload() {
  std::string text = stamp();
  text.resize(kEntryBytes, 'x');
  return text;
}

// Reads until "messages" came.
void follow_one(Redis& redis, std::uint64_t messages, Latency& latency) {
  std::string last = "0";
  while (latency.count() < messages) {
    const Json reply = redis.call({"XREAD", "BLOCK", "0", "STREAMS", kStream, last});
    const double now = now_us();
    for (const Json& entry : reply.at(0).at(1)) {
      last = entry.at(0);
      latency.add(now - stamp_us(entry.at(1).at(1).get<std::string>()).value());
    }
  }
}

}  // namespace

bool redis_is_installed() {
  return find_program("redis-server").has_value();
}

// Adds "messages", 1,000/s, and does not wait for the answer to each.
Json redis_produce(const Json& params) {
  Redis redis(params.at("path"));
  ready();
  Pace pace(1000);
  std::size_t under_way = 0;
  for (std::uint64_t i = params.at("messages"); i > 0; --i) {
    pace.wait();
    redis.add(stamped_payload());
    if (++under_way > kWindow) redis.receive(), --under_way;
  }
  for (; under_way > 0; --under_way) redis.receive();
  return Json::object();
}

// A thread and a connection for each follower, as in "follow".
Json redis_follow(const Json& params) {
  const std::uint64_t messages = params.at("messages");
  std::vector<Latency> latencies(params.at("followers"));
  std::vector<std::string> failures(latencies.size());
  std::vector<std::unique_ptr<Redis>> connections;
  for (std::size_t i = 0; i < latencies.size(); ++i)
    connections.push_back(std::make_unique<Redis>(params.at("path")));
  ready();
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < latencies.size(); ++i)
      threads.emplace_back([&, i] {
        try {
          follow_one(*connections[i], messages, latencies[i]);
        } catch (const std::exception& e) {
          failures[i] = e.what();
        }
      });
  }
  Latency all;
  for (std::size_t i = 0; i < latencies.size(); ++i) {
    if (!failures[i].empty()) throw std::runtime_error("a reader of Redis: " + failures[i]);
    if (latencies[i].count() != messages) throw std::runtime_error("Redis gave too many");
    all.add(latencies[i]);
  }
  return {{"p50", all.percentile(50)}, {"p99", all.percentile(99)}};
}

void redis_singles(const Options& options, Report& report) {
  const RedisServer server(options);
  Redis redis(server.path());
  Latency latency;
  for (std::uint64_t i = 0; i < options.scaled(3000, 10); ++i) {
    const double begin = now_us();
    redis.add(stamped_payload());
    redis.receive();
    latency.add(now_us() - begin);
  }
  report.add("peer.redis.single.p50", "us", latency.percentile(50));
  report.add("peer.redis.single.p99", "us", latency.percentile(99));
}

std::string redis_live(const Options& options, Report& report, std::uint64_t followers) {
  const RedisServer server(options);
  const std::uint64_t messages = options.scaled(5000, 20);
  const Json params{{"path", server.path()}, {"messages", messages}, {"followers", followers}};
  Worker following("redis_follow", params), producing("redis_produce", params);
  following.await_ready();
  producing.await_ready();
  following.go();
  producing.go();
  producing.result();
  const Json seen = following.result();
  const std::string name = "peer.redis.live." + std::to_string(followers);
  report.add(name + ".p50", "us", seen.at("p50"));
  report.add(name + ".p99", "us", seen.at("p99"));
  return name + ".p50";
}

}  // namespace domed::bench
