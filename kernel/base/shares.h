#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

namespace domed {

// Places that many share and nobody can take all of, by however many connections they come.  While
// half are free, whoever comes may have them.
//
// Thread-safe.
class Shares {
 public:
  struct Bounds {
    std::size_t most;         // places
    std::size_t of_one;       // of them for one, once half are taken
    std::size_t reserve = 0;  // more, for who has none, and for who comes "first"
  };

  explicit Shares(Bounds bounds) : bounds_(bounds) {}

  // Gives "who" so many places; false: they have to do without.  "first": who is bounded by what
  // there is alone.
  bool enter(const std::string& who, std::size_t places = 1, bool first = false);
  // Takes back what enter() gave.
  void leave(const std::string& who, std::size_t places = 1);

 private:
  const Bounds bounds_;
  std::mutex mutex_;  // guards what follows
  std::size_t taken_ = 0;
  std::unordered_map<std::string, std::size_t> of_;  // by whose they are
};

}  // namespace domed
