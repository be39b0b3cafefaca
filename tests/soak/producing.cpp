#include "soak.h"
#include "words.h"

namespace domed::soak {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 300s;

CallOptions patient() {
  CallOptions options;
  options.deadline = kPatience;
  options.reply_timeout = 3s;
  options.await_daemon = true;
  return options;
}

std::string random_batch(int number, std::mt19937_64& dice) {
  std::string out = "[";
  for (std::uint64_t i = 0, count = 1 + dice() % 20; i < count; ++i)
    out += (i ? "," : "") +
           line(std::to_string(number) + "." + std::to_string(i) + std::string(dice() % 80, 'x'));
  return out + "]";
}

}  // namespace

Json Soak::submit(const std::string& who, const Json& params) {
  return history::submit(*recorder_, who, *client_, params, patient());
}

void Soak::hand_over(const Job& job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(job);
  }
  queue_.push(job);
}

void Soak::produce(int number) {
  Dice dice(options_.seed * 1000 + static_cast<std::uint64_t>(number));
  const std::string who = "producer-" + std::to_string(number);
  for (int count = 0; going_on(); ++count) {
    const std::string key = who + "-" + std::to_string(count);
    try {
      if (options_.jobs > 0)
        short_job(number);
      else if (dice() % 5 == 0)
        command_job(who, key, dice);
      else
        external_job(who, key, dice);
    } catch (const std::exception& e) {
      problem(key + ": " + e.what());
    }
  }
}

void Soak::external_job(const std::string& who, const std::string& key, Dice& dice) {
  const Json params{{"idempotency_key", key}, {"executor", "external"}};
  const Job job = job_of(submit(who, params));
  if (dice() % 4 == 0) submit(who, params);
  hand_over(job);
  ProducerOptions options;
  options.endpoint = proxy_->control();
  options.job_id = job.id;
  options.producer_id = "p" + std::to_string(dice() % 1000);
  options.producer_token = job.token;
  options.reply_timeout = 2s;
  options.window = 1 + dice() % 16;
  history::RecordedProducer producer(*recorder_, who, options);
  producer.append("[" + change("running") + "]");
  for (int batch = 1, last = static_cast<int>(1 + dice() % 40); batch <= last; ++batch) {
    producer.append(random_batch(batch, dice));
    std::this_thread::sleep_for(std::chrono::milliseconds(dice() % 15));  // the pace of the load
  }
  producer.append("[" + line("end") + "," + change(dice() % 3 ? "succeeded" : "failed") + "]");
  if (!producer.flush(kPatience)) problem(key + ": batches without an answer");
}

void Soak::command_job(const std::string& who, const std::string& key, Dice& dice) {
  const int last = static_cast<int>(dice() % 3000);
  const std::string script =
      "seq 1 " + std::to_string(last) + "; exit " + std::to_string(dice() % 3);
  const Json reply = submit(who, {{"idempotency_key", key}, {"command", {"sh", "-c", script}}});
  hand_over(job_of(reply, sha256_hex(output_of_seq(last))));
  std::this_thread::sleep_for(std::chrono::milliseconds(dice() % 300));
}

// A job that is over as soon as it is followed; every tenth is a real command.
void Soak::short_job(int number) {
  const int count = next_job_++;
  if (count >= options_.jobs) return;
  const std::string who = "producer-" + std::to_string(number),
                    key = "short-" + std::to_string(count);
  if (count % 10 == 0)
    return hand_over(
        job_of(submit(who, {{"idempotency_key", key}, {"command", {"true"}}}), sha256_hex("")));
  const Job job = job_of(submit(who, {{"idempotency_key", key}, {"executor", "external"}}));
  hand_over(job);
  ProducerOptions options;
  options.job_id = job.id;
  options.producer_id = "p";
  options.producer_token = job.token;
  history::append(*recorder_, who, *client_, options, 1,
                  "[" + change("running") + "," + line(key) + "]", patient());
  history::append(*recorder_, who, *client_, options, 2, "[" + change("succeeded") + "]",
                  patient());
}

}  // namespace domed::soak
