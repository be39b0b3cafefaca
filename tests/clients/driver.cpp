#include <condition_variable>
#include <iostream>
#include <map>
#include <mutex>
#include <thread>

#include "base/unsignalled.h"
#include "client/follower.h"
#include "client/producer.h"
#include "protocol/endpoint.h"

// The client library, driven by the suite for all clients (docs/clients.md): one command a line on
// standard input, what comes of it on standard output.
namespace domed {
namespace {

using namespace std::chrono_literals;

class Driver {
 public:
  Driver() : client_(control_endpoint("")) {}

  void run() {
    for (std::string line; std::getline(std::cin, line);) {
      Json command = Json::parse(line);
      if (command.at("do") == "stop") {
        stop(command.at("id"));
        continue;
      }
      std::stop_source stop;
      if (command.at("do") == "follow") {
        const std::lock_guard lock(mutex_);
        stops_[command.at("id")] = stop;
      }
      std::thread([this, command = std::move(command), stop] { answer(command, stop); }).detach();
    }
  }

 private:
  void say(OrderedJson message) {
    const std::string line =
        message.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
    const std::lock_guard lock(out_);
    std::cout << line << std::flush;
  }

  void stop(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    if (const auto found = stops_.find(id); found != stops_.end()) found->second.request_stop();
  }

  void answer(const Json& command, const std::stop_source& stop) {
    const Json& id = command.at("id");
    const std::string what = command.at("do");
    try {
      if (what == "hello")
        say({{"id", id},
             {"name", "c++"},
             {"version", 1},
             {"can", {"submit", "append", "follow", "frames", "digest", "stop", "status"}}});
      else if (what == "submit")
        say({{"id", id}, {"result", client_.call("SubmitJob", command.at("params"), patient())}});
      else if (what == "status")
        say({{"id", id},
             {"result", client_.call("GetJobStatus", {{"job_id", command.at("job")}}, patient())}});
      else if (what == "append")
        append(command);
      else if (what == "follow")
        follow(command, stop.get_token());
      else
        throw ApiError("E_DRIVER", "there is no '" + what + "'");
    } catch (const ApiError& e) {
      say({{"id", id}, {"error", e.name()}, {"message", e.what()}, {"fields", e.fields()}});
    }
  }

  static CallOptions patient() {
    CallOptions options;
    options.deadline = 300s;
    options.reply_timeout = 3s;
    options.await_daemon = true;
    return options;
  }

  void append(const Json& command) {
    ProducerOptions options;
    options.endpoint = control_endpoint("");
    options.job_id = command.at("job");
    options.producer_id = command.at("producer");
    options.producer_token = command.at("token");
    options.reply_timeout = 3s;
    options.window = command.value("window", 8);
    options.on_ack = [&](const Ack& ack) {
      say({{"id", command.at("id")},
           {"batch", ack.batch},
           {"first", ack.first_seq},
           {"head", ack.head_seq},
           {"state", ack.state},
           {"replayed", ack.replayed}});
    };
    Producer producer(options);
    for (const auto& batch : command.at("batches")) {
      producer.append(batch.get<std::string>());
      std::this_thread::sleep_for(std::chrono::milliseconds(command.value("pause_ms", 0)));
    }
    if (!producer.flush(300s)) throw ApiError("E_DRIVER", "batches without an answer");
    say({{"id", command.at("id")}, {"done", true}});
  }

  void follow(const Json& command, std::stop_token stop) {
    const Json& id = command.at("id");
    FollowOptions options;
    options.job_id = command.at("job");
    options.since_seq = command.value("since", std::uint64_t{0});
    options.log_id = command.value("log", "");
    options.follow = command.value("tail", true);
    options.use_frames = command.value("frames", true);
    options.await_daemon = true;
    options.stop = std::move(stop);
    Follower follower(client_, options);
    std::string log;
    OrderedJson end{{"id", id}};
    try {
      const FollowEnd how = follower.run([&](std::string_view line, std::uint64_t seq) {
        if (log != follower.log_id()) say({{"id", id}, {"log", log = follower.log_id()}});
        say({{"id", id}, {"seq", seq}, {"line", line}});
      });
      end["end"] = how == FollowEnd::terminal   ? "terminal"
                   : how == FollowEnd::snapshot ? "snapshot"
                                                : "stopped";
    } catch (const ApiError& e) {
      end["end"] = "error";
      end.update({{"error", e.name()}, {"message", e.what()}, {"fields", e.fields()}});
    }
    end["cursor"] = follower.cursor();
    if (const auto digest = follower.digest()) end["digest"] = to_hex(*digest);
    say(std::move(end));
  }

  Client client_;
  std::mutex mutex_, out_;
  std::map<std::uint64_t, std::stop_source> stops_;
};

}  // namespace
}  // namespace domed

int main() {
  domed::block_signals();
  domed::Driver().run();
  // Whatever is still under way is nobody's any more.
  std::_Exit(0);
}
