#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "lockstep.h"
#include "transfer.h"

namespace domed::test {

// Random operations on a few dozen jobs, the bad ones included.  All choices come
// from the seed and from replies, which are the same on all stores.
class Workload {
 public:
  Workload(Lockstep& kernels, std::uint64_t seed);

  void step();
  // Every job once more: lines, status, and that the digests follow from the lines.
  void check_digests();

  // How often each method succeeded, and how often each error came.
  const std::map<std::string, int>& outcomes() const { return outcomes_; }

 private:
  struct Job {
    Json submitted;
    std::uint64_t head = 1;
    bool running = false;                              // as the last acknowledgement said
    std::map<std::string, std::vector<Json>> batches;  // accepted, by producer
  };

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(int percent) { return below(100) < static_cast<std::uint64_t>(percent); }
  template <class T>
  const T& any(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  Job& any_job();
  std::string any_id();

  Json call(const std::string& method, const Json& params);
  void submit();
  void append();
  void append_out_of_order(Job& job);
  void assign();
  void hold();
  void cancel();
  void trim();
  void remove();
  void page();
  void status();
  void list();
  void import();
  void restart();
  void turn_clock();

  Json batch(const Job& job, const std::string& producer, std::uint64_t number, const Json& events);
  Json events(const Job& job);
  Json event();
  Json log();
  std::string text();

  Lockstep& kernels_;
  std::mt19937_64 random_;
  std::vector<Job> jobs_;
  std::map<std::string, std::size_t> known_;  // job_id to its place in jobs_
  std::vector<Export> foreign_;
  std::map<std::string, int> outcomes_;
};

}  // namespace domed::test
