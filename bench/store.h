#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/server.h"
#include "domed/host.h"
#include "domed/store.h"
#include "loader/loader.h"

namespace domed::bench {

// One store without the daemon around it, on an empty place of its own.
class BenchStore {
 public:
  explicit BenchStore(const Options& options);

  Store* operator->() { return store_.get(); }
  // Throws unless all of it is done.
  void commit(const std::vector<Entry>& entries);

 private:
  struct SilentHost final : Host {
    void log(Level, std::string_view) noexcept override {}
  };
  Directory directory_;
  Plugin plugin_;
  SilentHost host_;
  std::unique_ptr<Store> store_;
};

// "count" lines of 128 bytes, made once: the store is to be measured, not this program.
class LineSpan {
 public:
  static constexpr std::size_t kLine = 128;  // with its LF

  explicit LineSpan(std::size_t count);
  std::size_t size() const { return ends_.size(); }
  // An entry that appends them to "job" behind "base".  It has views of all that is given.
  Entry append_to(const std::string& job, std::uint64_t base, std::string_view expected_revision,
                  std::string_view revision) const;

 private:
  std::string bytes_;
  std::vector<std::uint32_t> ends_;
  const std::string head_ = std::string(400, 'h');
};

// Revision number "number" of a job: no two are equal.  0: none.
std::string revision_of(std::uint64_t job, std::uint64_t number);

}  // namespace domed::bench
