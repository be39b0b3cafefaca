#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "client/event_line.h"

namespace domed {

// Checks a log's event lines against what is said of them elsewhere: numbering,
// times, the digest chain, and the totals of the output streams.
//
// "record" is a job's status: log_id, first_seq, head_seq, base_digest, digest.
class Verifier {
 public:
  explicit Verifier(const Json& record);

  // The next line, without LF.
  void line(std::string_view line);
  // After the last line.
  void finish();

  // The first thing that is wrong; nullopt: nothing so far.
  const std::optional<std::string>& problem() const { return problem_; }
  std::uint64_t events() const { return seq_ - first_ + 1; }
  std::string digest() const { return to_hex(chain_.digest()); }

 private:
  struct Stream {
    Sha256 hash;
    std::uint64_t bytes = 0;
  };

  void wrong(const std::string& text);
  void check_base();
  void check_order(const EventLine& event);
  void check_streams(std::string_view payload);

  const Json record_;
  const std::string log_id_, job_id_;
  const std::uint64_t first_, head_;
  DigestChain chain_;
  std::uint64_t seq_;
  std::string last_ts_;
  bool ended_ = false;
  std::map<std::string, Stream> streams_;
  std::optional<std::string> problem_;
};

}  // namespace domed
