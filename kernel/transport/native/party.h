#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace domed::native {

class Connection;

// Whose connections count together: one user's, or one machine's, which is known before a word is
// said.  A party may ask as much as it likes, and not fill the memory with it; and those of it who
// have shown no role take nothing from those who have.
//
// There is one account: what came of requests that are not whole yet, requests that are not
// answered yet, also where who sent them has left, and replies that are not read yet.
class Party {
 public:
  // Bytes that every connection may have there; they are not counted.
  static constexpr std::size_t kFree = 64 << 10;

  explicit Party(std::string given) : name(std::move(given)) {}

  // So many bytes "more" are of "who"; fewer where it is negative.  Who has to go for that: "who",
  // or another one; null: nobody.  Thread-safe, and not to be called with a connection's lock held.
  std::shared_ptr<Connection> hold(const std::shared_ptr<Connection>& who, std::ptrdiff_t more);
  // Whether those of it, strangers or not, have so much that who has something there is to wait.
  // Thread-safe.
  bool is_full(bool strangers) const;
  bool has_nothing() const { return held_[0] == 0 && held_[1] == 0; }

  const std::string name;
  std::size_t connections = 0;  // with the hub's lock held

 private:
  struct Kept {
    std::weak_ptr<Connection> who;
    std::ptrdiff_t bytes = 0;
    bool stranger = false, gone = false;
    std::uint64_t begun = 0;  // a number that grows
  };

  std::mutex mutex_;
  std::unordered_map<std::uint32_t, Kept> kept_;           // by connection
  std::array<std::atomic<std::ptrdiff_t>, 2> held_{0, 0};  // bytes; strangers' are the second
  std::uint64_t last_ = 0;
};

}  // namespace domed::native
