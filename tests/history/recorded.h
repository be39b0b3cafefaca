#pragma once

#include <memory>
#include <string>

#include "client/follower.h"
#include "client/producer.h"
#include "recorder.h"

namespace domed::history {

// SubmitJob, recorded.  Throws what the call throws, recorded too.
Json submit(Recorder& to, const std::string& who, Client& client, const Json& params,
            const CallOptions& options = {});
// One AppendJobEvents, recorded likewise.
Json append(Recorder& to, const std::string& who, Client& client, const ProducerOptions& producer,
            std::uint64_t batch, const std::string& events_json, const CallOptions& options = {});
Json status(Recorder& to, const std::string& who, Client& client, const std::string& job);

// How a follow ended, and where.
struct Ended {
  std::string end, error;  // an E_ name where "end" is "error"
  std::uint64_t cursor = 0;
  std::string log_id;
};
// A follow from its asking to its end, with every event, recorded.  Throws nothing.
Ended follow(Recorder& to, const std::string& who, Client& client, FollowOptions options,
             const Follower::OnEvent& on_event = {});

// A producer whose batches, acknowledgements and refusal are recorded.
class RecordedProducer {
 public:
  RecordedProducer(Recorder& to, std::string who, ProducerOptions options);

  // As Producer::append().
  std::uint64_t append(const std::string& events_json);
  bool flush(std::chrono::milliseconds timeout) { return producer_->flush(timeout); }
  Producer& producer() { return *producer_; }

 private:
  Recorder& to_;
  const std::string who_;
  const ProducerOptions options_;
  std::uint64_t next_;
  std::unique_ptr<Producer> producer_;
};

}  // namespace domed::history
