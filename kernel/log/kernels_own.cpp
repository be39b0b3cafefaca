#include "log/kernels_own.h"

#include "base/json.h"
#include "base/units.h"
#include "log/job.h"
#include "protocol/event.h"

namespace domed {
namespace {

constexpr std::size_t kSecretBytes = 32;

std::string new_secret(Environment& environment) {
  Digest secret;
  from_hex(environment.random_id() + environment.random_id(), secret);
  return {reinterpret_cast<const char*>(secret.data()), secret.size()};
}

// Nothing where somebody was faster.
void make_record(Store& store, Environment& environment) {
  const std::string secret = new_secret(environment);
  JobHead head;
  head.log_id = environment.random_id();
  head.recorded = head.created = head.last_ts = environment.now();
  head.head_seq = 1;
  head.external = true;
  head.incarnation = store.incarnation();
  head.revision = environment.revision();
  std::string line =
      encode_line(json_string(kStoreRecord), 1, format_time(head.created), "x-domed-store", "{}");
  head.base_digest = base_of(head.log_id);
  head.digest = chain(head.base_digest, line);
  line += '\n';
  const std::string encoded = head.encode();
  const std::uint32_t end = static_cast<std::uint32_t>(line.size());
  Entry entry;
  entry.job_id = kStoreRecord;
  entry.revision = head.revision;
  entry.events = line;
  entry.ends = {&end, 1};
  entry.fixed = secret;
  entry.head = encoded;
  entry.columns = {head.recorded, std::string(listed_state(head)), false, {}};
  store.commit({&entry, 1});
}

}  // namespace

std::string store_secret(Store& store, Environment& environment) {
  auto record = store.find(kStoreRecord);
  if (!record) {
    make_record(store, environment);
    record = store.find(kStoreRecord);
  }
  if (!record)
    throw Error(Code::io, std::string("the store did not take its record '") + kStoreRecord +
                              "', without which no token can be made: start again");
  if (record->fixed.size() != kSecretBytes)
    throw Error(Code::corruption, std::string("the record '") + kStoreRecord +
                                      "' is damaged in the store: restore it from a backup");
  return record->fixed;
}

void touch(Store& store, Environment& environment) {
  const auto record = store.find(kStoreRecord);
  if (!record) return;
  JobHead head = head_of(*record);
  head.revision = environment.revision();
  head.incarnation = store.incarnation();
  const std::string encoded = head.encode();
  Entry entry;
  entry.job_id = kStoreRecord;
  entry.expected_revision = record->revision;
  entry.revision = head.revision;
  entry.base = record->head_seq;
  entry.head = encoded;
  entry.columns = record->columns;
  store.commit({&entry, 1});
}

}  // namespace domed
