#include "api/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/json.h"
#include "domed/support/hash.h"
#include "log/refusal.h"
#include "protocol/limits.h"
#include "protocol/request.h"
#include "system/own_file.h"

namespace domed {
namespace {

// Of a page, before base64 makes a third more of it; and how long a copy is kept for somebody who
// does not ask for it: it holds as much disk as the store, and keeps others from theirs.
constexpr std::size_t kPageBytes = 1 << 20;
constexpr std::chrono::seconds kForgotten{60};
// Whoever waits has a worker, of which there are few.
constexpr std::chrono::milliseconds kLongestWait{250};

// Goes with its descriptor.
Fd nameless_file(const std::string& directory) {
  Fd file(open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  std::string path = directory + "/backup.XXXXXX";  // a file system that has none
  file = Fd(mkostemp(path.data(), O_CLOEXEC));
  if (!file)
    throw Error(code_of(errno),
                "cannot make a file for the copy in " + directory + ": " + std::strerror(errno));
  unlink(path.c_str());
  return file;
}

std::string read_page(const Fd& file, std::uint64_t from) {
  std::string out(kPageBytes, '\0');
  std::size_t had = 0;
  while (had < out.size()) {
    const ssize_t n =
        pread(file.get(), out.data() + had, out.size() - had, static_cast<off_t>(from + had));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(Code::io, std::string("cannot read the copy: ") + std::strerror(errno));
    if (n == 0) break;
    had += static_cast<std::size_t>(n);
  }
  out.resize(had);
  return out;
}

}  // namespace

BackupMethods::Copy::~Copy() {
  // Else whoever lets go of it last would wait for the whole copy.
  broken_off = true;
  if (thread.joinable()) thread.join();
}

bool BackupMethods::Copy::at(std::uint64_t now_done, std::uint64_t now_total) {
  const std::lock_guard lock(mutex);
  done = now_done, total = now_total;
  return !broken_off;
}

// Whether it has ended.
bool BackupMethods::Copy::give_up() {
  broken_off = true;
  const std::lock_guard lock(mutex);
  return ready;
}

void BackupMethods::Copy::make(const Backup& backup) {
  std::string problem;
  try {
    backup.backup(file.get(), *this);
  } catch (const std::exception& e) {
    problem = e.what();
  }
  // The size of the file, not what the progress said last: that is the plugin's own reckoning.
  struct stat info {};
  fstat(file.get(), &info);
  const std::lock_guard lock(mutex);
  error = std::move(problem);
  done = total = static_cast<std::uint64_t>(info.st_size);
  ready = true;
  changed.notify_all();
}

void BackupMethods::backup(Call call) try {
  Params params(call.params);
  const auto id = params.text("backup_id");
  const auto from = static_cast<std::uint64_t>(params.integer("from", 0, 0, INT64_MAX));
  const std::chrono::milliseconds wait(params.integer("wait_ms", 0, 0, limits::kWaitMsMost));
  params.done();
  if (!backup_)
    throw ApiError("E_STORE",
                   "the store's plugin cannot copy it while it is in use: stop the daemon and copy "
                   "it, or export its jobs",
                   {{"retryable", false}});
  const auto copy = id ? known(*id) : begin();
  std::string reply = page(*copy, from, wait);
  call.result(reply);
} catch (...) {
  call.error(std::current_exception());
}

void BackupMethods::stop() {
  std::shared_ptr<Copy> copy;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    copy = std::exchange(copy_, nullptr);
  }
  if (!copy) return;
  copy->broken_off = true;
  // With the mutex, so that nobody stands between having looked and waiting.
  const std::lock_guard lock(copy->mutex);
  copy->changed.notify_all();
}

std::shared_ptr<BackupMethods::Copy> BackupMethods::begin() {
  const std::lock_guard lock(mutex_);
  if (stopping_) throw stopping_error();
  if (copy_ && Clock::now() < copy_->asked + kForgotten)
    throw busy("another backup is being made: one at a time", 1000);
  // Two must not run at once (domed/backup.h), and nobody waits here for the one that was given up.
  if (copy_ && !copy_->give_up()) throw busy("a backup that was given up still ends", 500);
  auto copy = std::make_shared<Copy>();
  copy->id = environment_.random_id();
  copy->file = nameless_file(directory_);
  copy->asked = Clock::now();
  copy->thread = std::thread([made = copy.get(), backup = backup_] { made->make(*backup); });
  copy_ = copy;
  return copy;
}

std::shared_ptr<BackupMethods::Copy> BackupMethods::known(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (!copy_ || copy_->id != id)
    throw ApiError("E_NOT_FOUND",
                   "there is no such backup any more: it was fetched, given up or made by another "
                   "daemon; begin anew");
  copy_->asked = Clock::now();
  return copy_;
}

std::string BackupMethods::page(Copy& copy, std::uint64_t from, std::chrono::milliseconds wait) {
  std::unique_lock lock(copy.mutex);
  copy.changed.wait_for(lock, std::min(wait, kLongestWait),
                        [&] { return copy.ready || copy.broken_off; });
  OrderedJson out{{"backup_id", copy.id}, {"ready", copy.ready}, {"bytes", copy.total}};
  if (!copy.ready) {
    out["done"] = copy.done;
    return out.dump();
  }
  // It is ready, so nothing of it changes any more, and the disk is read without the mutex.
  const std::string problem = copy.error;
  const std::uint64_t total = copy.total;
  lock.unlock();
  const auto forget = [&] {
    const std::lock_guard held(mutex_);
    // Only this one: it may have been given up meanwhile, and another begun.
    if (copy_.get() == &copy) copy_ = nullptr;
  };
  if (!problem.empty()) {
    forget();
    throw ApiError("E_STORE", "the store could not be copied: " + problem);
  }
  const std::string bytes = read_page(copy.file, from);
  out["from"] = from;
  out["b64"] = to_base64(bytes);
  out["more"] = from + bytes.size() < total;
  // The last page may have to be sent again: it is forgotten when it is asked for nothing more.
  if (bytes.empty()) forget();
  return out.dump();
}

}  // namespace domed
