#include "checkpoints.h"

namespace domed {
Checkpoints::Checkpoints(sqlite3* writer, History& history, int every)
    : writer_(writer), history_(history), every_(every) {
  // A failure would fail a commit that is already durable: always OK; what a checkpoint could
  // not do, the next one does.
  const auto hook = [](void* self, sqlite3*, const char*, int frames) {
    static_cast<Checkpoints*>(self)->committed(frames);
    return SQLITE_OK;
  };
  sqlite3_wal_hook(writer, hook, this);
}

void Checkpoints::committed(int frames) noexcept {
  history_.committed(writer_, frames);
  if (frames < done_) done_ = 0;  // the log began anew
  if (shred_) {
    shred_ = !empty();
    done_ = frames;
    return;
  }
  if (frames - done_ < every_) return;
  copy(frames < 8 * every_ ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_RESTART);
  done_ = frames;
}

void Checkpoints::copy() noexcept {
  copy(SQLITE_CHECKPOINT_PASSIVE);
}

void Checkpoints::copy(int mode) noexcept {
  int copied = 0;
  if (sqlite3_wal_checkpoint_v2(writer_, "main", mode, nullptr, &copied) == SQLITE_OK)
    history_.checkpointed(copied);
}

bool Checkpoints::empty() noexcept {
  const bool said = history_.before_emptying();
  const bool emptied = sqlite3_wal_checkpoint_v2(writer_, "main", SQLITE_CHECKPOINT_TRUNCATE,
                                                 nullptr, nullptr) == SQLITE_OK;
  history_.after_emptying(emptied);
  return said && emptied;
}

}  // namespace domed
