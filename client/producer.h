#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "client/credentials.h"
#include "protocol/api_error.h"
#include "system/boot_clock.h"

namespace domed {

// What the daemon answered to one batch.
struct Ack {
  std::uint64_t batch = 0;
  std::uint64_t first_seq = 0, head_seq = 0;
  std::string state;
  bool replayed = false;  // the daemon had it already
  bool cancel_requested = false;
  bool paused = false;  // the job is to stand still
  // When the batch was first sent, and for how long from then on a run may go on without another
  // answer; nullopt: nobody said.
  BootClock::time_point sent{};
  std::optional<std::chrono::milliseconds> stop_in;
};

// What an answer says of that; absent where the daemon is alone on its store.
std::optional<std::chrono::milliseconds> stop_in_of(const Json& answer);

struct ProducerOptions {
  std::string endpoint;  // control URL, or several, as control_endpoint() gives them
  std::string job_id, producer_id, producer_token;
  std::uint64_t first_batch = 1;                    // number of the first append()
  std::size_t window = 8;                           // batches in flight, 1 to 64
  std::size_t queue = 64;                           // batches held here before append() blocks
  std::size_t queue_bytes = 16 << 20;               // likewise, their bytes; one batch always fits
  std::chrono::milliseconds reply_timeout{10'000};  // then the same bytes are sent again
  std::chrono::milliseconds give_up{0};  // without any reply for so long: E_UNREACHABLE; 0: never
  Credentials credentials = Credentials::of_environment();

  // Called from the producer's own thread, in the order of the batches.  Must
  // not call back into the producer other than its const members.
  std::function<void(const Ack&)> on_ack;
  // Called once, after the acks of all batches before the refused one.
  std::function<void(const ApiError&)> on_error;
};

// Appends batches to one job's log, each exactly once.
//
// A batch's number and bytes are frozen before its first send; the same bytes
// go out again after a lost reply, a lost connection, a daemon's restart or a
// retryable error, for as long as it takes ("give_up").  Up to "window" batches
// are on their way at a time.  The daemon need not be there when the producer
// is made.  Thread-safe.
class Producer {
 public:
  // Throws Error where there is a token to be sent that cannot be read.
  explicit Producer(ProducerOptions options);
  // Stops at once; what was not acknowledged may or may not have arrived.
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // The frozen form of a batch: a complete AppendJobEvents params object, without
  // line feeds outside "events_json", which is a JSON array of {type, payload}
  // or {type, payload, t}, the latter where the daemon lists the feature "t".
  static std::string freeze(const ProducerOptions& options, std::uint64_t batch,
                            std::string_view events_json);

  // Freezes the next batch and queues it; returns its number.  Blocks while the
  // queue is full (back-pressure).  Throws the refusal once there is one.
  std::uint64_t append(std::string_view events_json);
  // Queues a batch that freeze() made earlier, such as one read from a spool;
  // numbers must come in order without a hole.  append() goes on after it.
  void append_frozen(std::uint64_t batch, std::string params_text);
  // Like append_frozen(), but returns false where it would block.
  bool try_append_frozen(std::uint64_t batch, std::string params_text);

  // Waits until everything queued is acknowledged.  False: "timeout" passed
  // first.  Throws the refusal once there is one.
  bool flush(std::chrono::milliseconds timeout = std::chrono::hours(24 * 365));

  // Batches queued or in flight.
  std::size_t pending() const;
  // A reply said that somebody asked to cancel the job.
  bool cancel_requested() const;
  // The last acknowledgement in order; nullopt before the first.
  std::optional<Ack> last_ack() const;
  // The non-retryable error that ended the producer, such as E_SEALED,
  // E_INVALID_TRANSITION, E_UNAUTHORIZED, E_NOT_FOUND or E_GONE.
  std::optional<ApiError> error() const;

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace domed
