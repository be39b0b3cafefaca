#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "log/journal.h"

namespace domed {

// Tells whether the machine went down under an earlier daemon.  The file
// STATE_DIR/boot names the boot during which a daemon serves, and is removed when
// that one ends in order.  Anything else in its place says that the machine went down, for
// nobody knows then that it did not.
class BootMark {
 public:
  // "boot_id" is that of the present boot.
  BootMark(const std::filesystem::path& state_dir, std::string boot_id);

  // A daemon of another boot did not end in order.
  bool machine_went_down() const;
  // From now on this boot is the one that may be cut off.  Throws Error.
  void set();
  void clear() noexcept;

 private:
  std::filesystem::path file_;
  std::string boot_id_;
};

// Gives a new log_id to every log that may have lost its tail: a log that is over
// shows by its last event that it is whole.  For a store below Durability::power.
// A job whose record cannot be read, so that nobody will ever be shown its log, is
// left alone and told of to "log".  Throws Error naming the job whose events are
// damaged: its log must not go on under its old name.
void reidentify_unfinished(const Store& store, Journal& journal, Environment& environment,
                           const std::function<void(const std::string&)>& log);

}  // namespace domed
