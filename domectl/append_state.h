#pragma once

#include <cstdint>
#include <string>

namespace domed::ctl {

// The producer that repeated calls of "domectl append" within one job share: a
// job has few producers, and a producer's batches are numbered without a hole.
//
// Kept in a small file of the user's; locked for as long as this lives, so that
// calls at the same time come one after another.
class AppendState {
 public:
  // "directory" must exist.  Throws Error where the file cannot be trusted.
  AppendState(const std::string& directory, const std::string& job_id, const std::string& token);
  ~AppendState();
  AppendState(const AppendState&) = delete;
  AppendState& operator=(const AppendState&) = delete;

  const std::string& producer_id() const { return producer_id_; }
  std::uint64_t next_batch() const { return last_batch_ + 1; }
  // "batch" is in the log.
  void acknowledged(std::uint64_t batch);

 private:
  void read();

  std::string path_;
  int fd_ = -1;
  std::string producer_id_;
  std::uint64_t last_batch_ = 0;
};

}  // namespace domed::ctl
