#pragma once

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
// said.  A party may begin as many requests as it likes, and not fill the memory with them; and
// those of it who have shown no role take nothing from those who have.
class Party {
 public:
  // Bytes of a request that every connection may leave unfinished; they are not counted.
  static constexpr std::size_t kFree = 64 << 10;

  explicit Party(std::string given) : name(std::move(given)) {}

  // "bytes" came of a request of "who" that is not whole yet.  Who has to go for that: "who", or
  // another one; null: nobody.  Thread-safe.
  std::shared_ptr<Connection> keep(const std::shared_ptr<Connection>& who, std::size_t bytes);
  void forget(std::uint32_t connection);

  const std::string name;
  std::size_t connections = 0;  // with the hub's lock held

 private:
  struct Kept {
    std::weak_ptr<Connection> who;
    std::size_t bytes = 0;
    bool stranger = false;
    std::uint64_t begun = 0;  // a number that grows
  };
  std::size_t& sum_of(const Kept& kept) { return kept.stranger ? strangers_ : known_; }
  void erase(std::uint32_t connection);  // with the lock held

  std::mutex mutex_;
  std::unordered_map<std::uint32_t, Kept> kept_;  // by connection
  std::size_t known_ = 0, strangers_ = 0;         // bytes
  std::uint64_t last_ = 0;
};

}  // namespace domed::native
