// Who asks the nodes: producers and followers, each of whom goes to any of them.
#include "nodes.h"
#include "words.h"

namespace domed::soak {
namespace {

using namespace std::chrono_literals;

constexpr auto kPersistence = 120s;
constexpr auto kLongest = 150s;  // from a job's submission to its end

CallOptions short_of_patience() {
  CallOptions options;
  options.deadline = 3s;
  options.reply_timeout = 2s;
  options.await_daemon = true;
  return options;
}

}  // namespace

NodesSoak::Voice NodesSoak::voice(const std::string& name, std::uint64_t seed) {
  Voice out{name, Dice(options_.seed * 1000 + seed), {}, {}};
  for (const Node& node : nodes_)
    out.clients.push_back(std::make_unique<Client>(node.daemon->control()));
  out.everywhere = std::make_unique<Client>(all_nodes(seed));
  return out;
}

// As a client takes them, from one of them on.
std::string NodesSoak::all_nodes(std::size_t first) const {
  std::string out;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    out += (i ? "," : "") + nodes_[(first + i) % nodes_.size()].daemon->control();
  return out;
}

void NodesSoak::anywhere(Voice& voice,
                         const std::function<void(Client&, const std::string& who)>& ask) {
  const auto until = Clock::now() + kPersistence;
  for (std::size_t node = voice.dice() % nodes_.size();; node = (node + 1) % nodes_.size()) {
    try {
      return ask(*voice.clients[node], voice.name + "@" + nodes_[node].name);
    } catch (const ApiError& e) {
      if (!is_retryable(e) || Clock::now() >= until) throw;
      std::this_thread::sleep_for(20ms);  // what all refuse at once is not asked a thousand times
    }
  }
}

// Always to one node: a client on a socket of this machine is another one to each of them, and the
// token of an external job is given to who submitted it.
Json NodesSoak::submit(Voice& voice, const Json& params) {
  const std::size_t node = std::hash<std::string>{}(params.at("idempotency_key")) % nodes_.size();
  CallOptions options = short_of_patience();
  options.deadline = kPersistence;
  return history::submit(*recorder_, voice.name + "@" + nodes_[node].name, *voice.clients[node],
                         params, options);
}

void NodesSoak::hand_over(const Job& job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(job);
  }
  queue_.push(job);
}

void NodesSoak::produce(int number) {
  Voice voice = this->voice("producer-" + std::to_string(number), 1 + number);
  while (going_on()) {
    const std::string key = "job-" + std::to_string(next_job_++);
    try {
      const auto kind = voice.dice() % 20;
      if (kind < 12)
        command_job(voice, key);
      else if (kind < 18)
        external_job(voice, key);
      else
        windowed_job(voice, key);
    } catch (const std::exception& e) {
      problem(key + ": " + e.what());
    }
  }
}

// It says by itself that it began, and whether something that began before it is there still: all
// attempts have one lock, which each process of them holds.
void NodesSoak::command_job(Voice& voice, const std::string& key) {
  Dice& dice = voice.dice;
  const int last = static_cast<int>(dice() % 300);
  const std::uint64_t code = dice() % 4 == 0 ? dice() % 3 : 0;
  const bool retries = dice() % 3 == 0, is_held = dice() % 20 == 0, cancels = dice() % 16 == 0;
  const std::uint64_t length = dice() % 20 == 0 ? 3000 + dice() % 9000
                               : dice() % 4     ? 0
                                                : dice() % 500;
  const std::string marks = directory_ + "/marks/";
  std::string script = "echo started >>" + marks + "$DOMED_JOB_ID; ";
  if (retries)
    script = "exec 9>" + marks + key + ".lock; flock -n 9 || echo beside >>" + marks +
             "$DOMED_JOB_ID; " + script;
  script += "seq 1 " + std::to_string(last) + "; ";
  if (length > 0)
    script += "sleep " + std::to_string(length / 1000) + "." +
              std::to_string(1000 + length % 1000).substr(1) + "; ";
  Json params{{"idempotency_key", key},
              {"command", {"sh", "-c", script + "exit " + std::to_string(code)}}};
  if (retries) params["retry"] = {{"max_attempts", 3}, {"backoff_s", 1}};
  if (is_held) params["hold"] = true;
  const Json reply = submit(voice, params);
  if (dice() % 10 == 0) submit(voice, params);
  const Job job = job_of(reply, sha256_hex(output_of_seq(last)));
  {
    const std::lock_guard lock(mutex_);
    commands_[job.id] = {retries, cancels, job.expected};
  }
  hand_over(job);
  std::this_thread::sleep_for(std::chrono::milliseconds(dice() % 60));  // the pace of the load
  const auto call = [&](const char* method) {
    anywhere(voice, [&](Client& client, const std::string&) {
      try {
        client.call(method, {{"job_id", job.id}}, short_of_patience());
      } catch (const ApiError& e) {
        // It was released before, and the answer was lost.
        if (e.name() != "E_INVALID_TRANSITION" && e.name() != "E_SEALED") throw;
      }
    });
  };
  if (is_held) call("ReleaseJob");
  if (cancels) call("CancelJob");
}

// Each batch goes to another node, again and again until one has it.
void NodesSoak::external_job(Voice& voice, const std::string& key) {
  Dice& dice = voice.dice;
  Json params{{"idempotency_key", key}, {"executor", "external"}};
  if (dice() % 2 == 0) params["expires_s"] = 20;
  const Job job = job_of(submit(voice, params));
  hand_over(job);
  ProducerOptions options;
  options.job_id = job.id;
  options.producer_id = "p";
  options.producer_token = job.token;
  const auto append = [&](std::uint64_t batch, const std::string& events) {
    anywhere(voice, [&](Client& client, const std::string& who) {
      history::append(*recorder_, who, client, options, batch, events, short_of_patience());
    });
  };
  const std::uint64_t last = 2 + dice() % 6;
  const bool is_slow = dice() % 60 == 0;  // slow enough for nodes to come and go meanwhile
  append(1, "[" + change("running") + "]");
  for (std::uint64_t batch = 2; batch < last; ++batch) {
    append(batch, "[" + line(key + "." + std::to_string(batch)) + "," + line("x") + "]");
    if (is_slow) std::this_thread::sleep_for(5s);
  }
  append(last, "[" + line("end") + "," + change(dice() % 3 ? "succeeded" : "failed") + "]");
}

// A producer with many batches on their way, which goes on at the next node by itself, or waits
// where it is.
void NodesSoak::windowed_job(Voice& voice, const std::string& key) {
  Dice& dice = voice.dice;
  const Job job = job_of(submit(voice, {{"idempotency_key", key}, {"executor", "external"}}));
  hand_over(job);
  const std::size_t node = dice() % nodes_.size();
  ProducerOptions options;
  const bool stays = dice() % 2;
  options.endpoint = stays ? nodes_[node].daemon->control() : all_nodes(node);
  options.job_id = job.id;
  options.producer_id = "p";
  options.producer_token = job.token;
  options.reply_timeout = 2s;
  options.window = 1 + dice() % 16;
  const std::string who = stays ? voice.name + "@" + nodes_[node].name : voice.name;
  history::RecordedProducer producer(*recorder_, who, options);
  producer.append("[" + change("running") + "]");
  for (std::uint64_t batch = 0, last = 5 + dice() % 40; batch < last; ++batch)
    producer.append("[" + line(key + "." + std::to_string(batch)) + "]");
  producer.append("[" + change("succeeded") + "]");
  if (!producer.flush(kPersistence)) problem(key + ": batches without an answer");
}

void NodesSoak::follow_jobs(int number) {
  Voice voice = this->voice("follower-" + std::to_string(number), 500 + number);
  while (const auto job = queue_.pop()) {
    FollowOptions options;
    options.job_id = job->id;
    options.await_daemon = true;
    options.deadline = Clock::now() + kLongest;
    options.use_frames = voice.dice() % 3 > 0;
    const auto result = voice.dice() % 2 ? follow_anywhere(voice, std::move(options))
                                         : follow_everywhere(voice, std::move(options));
    ++follows_;
    if (result.end != "terminal")
      problem("the follow of " + job->id + " ended with " + result.end + " " + result.error);
  }
}

// One follow, whichever node it is at.
history::Ended NodesSoak::follow_everywhere(Voice& voice, FollowOptions options) {
  for (;;) {
    const auto result = history::follow(*recorder_, voice.name, *voice.everywhere, options,
                                        [&](std::string_view, std::uint64_t) { ++events_; });
    if (!options_.failover || result.error != "E_LOG_CHANGED") return result;
  }
}

// Leaves the node that it is at when that is hurt (set_away), and now and then else, and goes on
// with its cursor at another one.
history::Ended NodesSoak::follow_anywhere(Voice& voice, FollowOptions options) {
  for (std::size_t node = voice.dice() % nodes_.size();; ++moves_) {
    std::stop_source stop;
    options.stop = stop.get_token();
    {
      const std::lock_guard lock(mutex_);
      nodes_[node].follows.insert(&stop);
    }
    std::uint64_t left = voice.dice() % 4 ? UINT64_MAX : 1 + voice.dice() % 20;
    const auto result =
        history::follow(*recorder_, voice.name + "@" + nodes_[node].name, *voice.clients[node],
                        options, [&](std::string_view, std::uint64_t) {
                          ++events_;
                          if (--left == 0) stop.request_stop();
                        });
    {
      const std::lock_guard lock(mutex_);
      nodes_[node].follows.erase(&stop);
    }
    // By a fail-over: from the beginning, for it is another log.
    if (options_.failover && result.error == "E_LOG_CHANGED") {
      options.since_seq = 0, options.log_id.clear();
      continue;
    }
    if (result.end != "stopped") return result;
    options.since_seq = result.cursor;
    options.log_id = result.log_id;
    node = (node + 1 + voice.dice() % (nodes_.size() - 1)) % nodes_.size();
  }
}

}  // namespace domed::soak
