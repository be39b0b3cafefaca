#include "recorded.h"

namespace domed::history {
namespace {

const char* name_of(FollowEnd end) {
  switch (end) {
    case FollowEnd::terminal:
      return "terminal";
    case FollowEnd::snapshot:
      return "snapshot";
    case FollowEnd::stopped:
      return "stopped";
    case FollowEnd::deadline:
      return "deadline";
  }
  return "";
}

OrderedJson key_of(const Json& params) {
  Json request = params;
  request.erase("client_id");
  request.erase("idempotency_key");
  return {{"client", params.value("client_id", "")},
          {"key", params.value("idempotency_key", "")},
          {"request", sha256_hex(canonical_json(request))}};
}

OrderedJson batch_of(const ProducerOptions& options, std::uint64_t batch) {
  return {{"job", options.job_id}, {"producer", options.producer_id}, {"batch", batch}};
}

// Where the daemon says how far the log reaches.
void add_head(OrderedJson& fields, const ApiError& error) {
  if (const auto head = number_field(error, "head")) fields["head"] = *head;
}

}  // namespace

Json submit(Recorder& to, const std::string& who, Client& client, const Json& params,
            const CallOptions& options) {
  OrderedJson fields = key_of(params);
  to.write(who, "submit", fields);
  try {
    const Json job = client.call("SubmitJob", params, options);
    fields.update({{"job", job.at("job_id")},
                   {"log", job.at("log_id")},
                   {"token", sha256_hex(job.value("producer_token", ""))},
                   {"replayed", job.at("replayed")}});
    to.write(who, "submitted", fields);
    return job;
  } catch (const ApiError& e) {
    fields.update({{"of", "submit"}, {"error", e.name()}});
    to.write(who, "refused", fields);
    throw;
  }
}

Json append(Recorder& to, const std::string& who, Client& client, const ProducerOptions& producer,
            std::uint64_t batch, const std::string& events_json, const CallOptions& options) {
  OrderedJson fields = batch_of(producer, batch), sent = fields;
  sent["events"] = events_json;
  to.write(who, "append", sent);
  try {
    const std::string params = Producer::freeze(producer, batch, events_json);
    const Json result = Json::parse(client.call_text("AppendJobEvents", params, options));
    fields.update({{"first", result.at("first_seq")},
                   {"head", result.at("head_seq")},
                   {"state", result.at("state")},
                   {"replayed", result.at("replayed")}});
    to.write(who, "appended", fields);
    return result;
  } catch (const ApiError& e) {
    fields.update({{"of", "append"}, {"error", e.name()}});
    to.write(who, "refused", fields);
    throw;
  }
}

Json status(Recorder& to, const std::string& who, Client& client, const std::string& job) {
  try {
    const Json status = client.call("GetJobStatus", {{"job_id", job}});
    to.write(who, "status",
             {{"job", job},
              {"log", status.at("log_id")},
              {"state", status.at("state")},
              {"first", status.at("first_seq")},
              {"head", status.at("as_of_seq")},
              {"digest", status.at("digest")},
              {"base_digest", status.at("base_digest")}});
    return status;
  } catch (const ApiError& e) {
    to.write(who, "refused", {{"of", "status"}, {"job", job}, {"error", e.name()}});
    throw;
  }
}

Ended follow(Recorder& to, const std::string& who, Client& client, FollowOptions options,
             const Follower::OnEvent& on_event) {
  const std::string job = options.job_id;
  to.write(who, "follow",
           {{"job", job},
            {"since", options.since_seq},
            {"log", options.log_id},
            {"tail", options.follow}});
  Follower follower(client, std::move(options));
  Ended ended;
  OrderedJson fields{{"job", job}};
  try {
    ended.end = name_of(follower.run([&](std::string_view line, std::uint64_t seq) {
      to.write(who, "event",
               {{"job", job}, {"log", follower.log_id()}, {"seq", seq}, {"line", line}});
      if (on_event) on_event(line, seq);
    }));
  } catch (const ApiError& e) {
    ended.end = "error";
    ended.error = e.name();
    add_head(fields, e);
  }
  ended.cursor = follower.cursor();
  ended.log_id = follower.log_id();
  fields.update({{"end", ended.end}, {"error", ended.error}, {"cursor", ended.cursor}});
  if (const auto digest = follower.digest()) fields["digest"] = to_hex(*digest);
  to.write(who, "end", fields);
  return ended;
}

RecordedProducer::RecordedProducer(Recorder& to, std::string who, ProducerOptions options)
    : to_(to), who_(std::move(who)), options_(options), next_(options.first_batch) {
  options.on_ack = [this](const Ack& ack) {
    OrderedJson fields = batch_of(options_, ack.batch);
    fields.update({{"first", ack.first_seq},
                   {"head", ack.head_seq},
                   {"state", ack.state},
                   {"replayed", ack.replayed}});
    to_.write(who_, "appended", fields);
    if (options_.on_ack) options_.on_ack(ack);
  };
  options.on_error = [this](const ApiError& error) {
    OrderedJson fields{{"of", "append"}, {"job", options_.job_id}, {"error", error.name()}};
    add_head(fields, error);
    to_.write(who_, "refused", fields);
    if (options_.on_error) options_.on_error(error);
  };
  producer_ = std::make_unique<Producer>(std::move(options));
}

// Recorded before it can have been sent, whatever comes of it.
std::uint64_t RecordedProducer::append(const std::string& events_json) {
  OrderedJson fields = batch_of(options_, next_);
  fields["events"] = events_json;
  to_.write(who_, "append", fields);
  const std::uint64_t batch = producer_->append(events_json);
  next_ = batch + 1;
  return batch;
}

}  // namespace domed::history
