#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace domed {

// The keys by which a deployment closes what no reader of its store is to read: the first one
// seals, and all of them open, so that a key can be followed by another one.  A value; none of it
// is ever shown but the ids.
//
// What is sealed is text:
//
//   1:KEY:BASE64   the form's version; the id of the key; a nonce of 12 random bytes, the bytes
//                  under AES-256-GCM, and its tag of 16 bytes
//
// The id is the first 16 digits of a SHA-256 of the key, so that whoever holds the file can tell
// which key a record wants.  Authenticated with the bytes is where they stand: version, id, job and
// field.  So nothing of another job or field opens, nor anything that was changed.
//
// Rejected: a key for each job, made of the deployment's and kept beside the record (one more thing
// to lose, and random nonces are good for 2^32 values of one key); sealing a record as a whole (a
// status has to tell the names of variables, and one without the key would tell nothing at all).
//
// Thread safety: const methods from any thread.
class StoreKeys {
 public:
  static constexpr std::size_t kBytes = 32, kMost = 16;

  StoreKeys() = default;  // none: seals nothing, and opens nothing
  // One key a line, 64 hex digits or base64 of 32 bytes; empty lines and those that begin with '#'
  // are left out.  Throws Error(invalid_argument) with the number of the line, and nothing that
  // stands in it.
  static StoreKeys parse(std::string_view text);

  bool empty() const { return keys_.empty(); }
  // In their order, 16 hex digits each.
  std::vector<std::string> ids() const;
  bool operator==(const StoreKeys&) const = default;

  // By the first key, of which there must be one.  "field" names the value within its job.
  std::string seal(std::string_view bytes, std::string_view job_id, std::string_view field) const;
  // nullopt: there is no such key here.  Throws Error(corruption) where "sealed" is not what seal()
  // made for that job and field.
  std::optional<std::string> open(std::string_view sealed, std::string_view job_id,
                                  std::string_view field) const;
  // The id of the key that "sealed" wants.  Throws Error(corruption) where it is no such text.
  static std::string key_of(std::string_view sealed);

 private:
  struct Key {
    std::string id, bytes;
    bool operator==(const Key&) const = default;
  };
  std::vector<Key> keys_;
};

}  // namespace domed
