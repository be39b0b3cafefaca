#pragma once

#include <cstdint>
#include <map>
#include <mutex>

namespace domed::console {

// The connections for which we wait: for the rest of a request, or until they take an answer.
// Where there is no room for another connection, who keeps us waiting longest makes it.
// Thread-safe.
class Waiting {
 public:
  // One of them, while it lives.
  class Place {
   public:
    Place(Waiting& all, int socket) : all_(all), turn_(all.enter(socket)) {}
    ~Place() { all_.leave(turn_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    Waiting& all_;
    const std::uint64_t turn_;
  };

  // Ends the one that waits longest; false: there is none.
  bool end_one();
  // Ends them all, and whoever comes.
  void end();

 private:
  std::uint64_t enter(int socket);
  void leave(std::uint64_t turn);

  std::mutex mutex_;
  std::map<std::uint64_t, int> sockets_;  // by turn
  std::uint64_t turns_ = 0;
  bool ended_ = false;
};

}  // namespace domed::console
