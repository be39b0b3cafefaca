#include "api/facts.h"

#include "base/units.h"
#include "base/version.h"
#include "protocol/limits.h"
#include "protocol/request.h"

namespace domed {
void FactMethods::health(Call call) const {
  Params(call.params).done();
  const OrderedJson out{{"version", kVersion},
                        {"protocol", kProtocol},
                        {"epoch", facts_.epoch},
                        {"store", facts_.store_name},
                        {"events", facts_.events_urls()},
                        {"time", format_time(environment_.now())}};
  call.result(out.dump());
}

namespace {

// What a client may ask for that not every daemon of this protocol knows.
OrderedJson features(bool allow_ad_hoc) {
  OrderedJson out{"accept_imported", "accepts",   "external", "frames",
                  "lines",           "long-poll", "waiting"};
  if (allow_ad_hoc) out.insert(out.begin(), "ad-hoc");
  return out;
}

}  // namespace

void FactMethods::list_capabilities(Call call) const {
  Params(call.params).done();
  const OrderedJson out{{"plugins", facts_.plugins},
                        {"limits",
                         {{"request_bytes", limits::kRequestBytes},
                          {"event_bytes", limits::kEventBytes},
                          {"batch_bytes", limits::kBatchBytes},
                          {"batch_events", limits::kBatchEvents},
                          {"producers", limits::kProducers},
                          {"kept_batches", limits::kKeptOutcomes},
                          {"batches_ahead", limits::kBatchesAhead},
                          {"streams", limits::kStreams},
                          {"json_depth", kMaxJsonDepth},
                          {"page_events", limits::kPageEvents},
                          {"page_bytes", limits::kPageBytesMost},
                          {"wait_ms", limits::kWaitMsMost},
                          {"frame_bytes", limits::kFrameBytes},
                          {"held_polls", facts_.most_polls}}},
                        {"features", features(facts_.allow_ad_hoc)}};
  call.result(out.dump());
}

}  // namespace domed
