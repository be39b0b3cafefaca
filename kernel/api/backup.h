#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "domed/backup.h"
#include "log/environment.h"
#include "protocol/call.h"
#include "system/fd.h"

namespace domed {

// Backup: one consistent copy of the store, made while it is in use, and taken in pages.
//
// The copy is made on a thread of its own into a file without a name in "directory", so that it is
// one moment's, however slowly it is fetched, and goes with the daemon.  One at a time: another is
// refused until the first is fetched to its end, or nobody has asked for it for a minute.
//
// Thread-safe.  Called on workers.
class BackupMethods {
 public:
  // "backup": null where the store cannot be copied.
  BackupMethods(Backup* backup, std::string directory, Environment& environment)
      : backup_(backup), directory_(std::move(directory)), environment_(environment) {}
  ~BackupMethods() { stop(); }

  void backup(Call call);
  // Breaks off what is being copied.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;

  // One copy, from its beginning to the last page.
  struct Copy final : Progress {
    std::string id;
    Fd file;
    std::atomic<bool> broken_off{false};
    // Guards what follows, down to "error"; "asked" is under the mutex of the class. The thread
    // alone has to do with "file" until "ready"; from then on it is only read.
    std::mutex mutex;
    std::condition_variable changed;
    std::uint64_t done = 0, total = 0;
    bool ready = false;
    std::string error;
    Clock::time_point asked;
    std::thread thread;

    ~Copy() override;
    bool at(std::uint64_t now_done, std::uint64_t now_total) override;
    void make(const Backup& backup);
    bool give_up();
  };

  std::shared_ptr<Copy> begin();
  std::shared_ptr<Copy> known(const std::string& id);
  std::string page(Copy& copy, std::uint64_t from, std::chrono::milliseconds wait);

  Backup* const backup_;
  const std::string directory_;
  Environment& environment_;
  // Guards the two below. Never taken with a Copy's mutex held.
  std::mutex mutex_;
  bool stopping_ = false;
  std::shared_ptr<Copy> copy_;
};

}  // namespace domed
