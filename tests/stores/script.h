#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "domed/store.h"
#include "store-memory/store_memory.h"

namespace store_tests {

// Random batches of all actions, the same for the same seed, and what they come to.
class Script {
 public:
  explicit Script(std::uint64_t seed) : random_(seed) {}

  // The next batch; valid until it is asked for again.
  std::span<const domed::Entry> next();
  // The last batch is done.
  void done();
  // What all that is done comes to.
  domed::Store& expected() { return *expected_; }

 private:
  // An entry with the bytes that it looks at.
  struct Owned {
    domed::Entry entry;
    std::string job_id, expected, revision, events, head, fixed;
    std::vector<std::uint32_t> ends;
  };

  std::size_t below(std::size_t bound) { return random_() % bound; }
  std::string bytes(std::size_t size);
  void choose(Owned& owned);
  void add_lines(Owned& owned);
  void view(Owned& owned);

  std::mt19937_64 random_;
  std::unique_ptr<domed::Store> expected_ = std::make_unique<domed::StoreMemory>();
  std::vector<std::unique_ptr<Owned>> owned_;
  std::vector<domed::Entry> batch_;
  std::int64_t created_ = 0;
};

// What "store" holds, as text, whole: "" where it is what "expected" holds, else the first
// difference.
std::string difference(const domed::Store& expected, const domed::Store& store);

}  // namespace store_tests
