#include "place_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <utility>

namespace domed {
namespace {

// The number of a file's names changes when one is removed, or another file takes its place.
constexpr std::uint32_t kOfFile = IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF;
constexpr std::uint32_t kOfDirectory = IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR;

}  // namespace

void PlaceWatch::watch(std::vector<std::string> files) {
  files_ = std::move(files);
  calm_ = false;
}

bool PlaceWatch::stirred() {
  const auto now = Clock::now();
  if (calm_ && !has_word()) return now >= look_at_;
  // Anew each time: a directory may be another one by now.  Before the look, so that nothing comes
  // in between.
  calm_ = false;
  const bool tried = inotify_.get() < 0 && now < begin_at_;
  if (tried || begin()) return true;
  inotify_ = Descriptor();
  begin_at_ = now + kLook;
  return true;
}

void PlaceWatch::looked() {
  calm_ = inotify_.get() >= 0;
  look_at_ = Clock::now() + kLook;
}

bool PlaceWatch::begin() {
  inotify_ = Descriptor(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (inotify_.get() < 0) return false;
  const auto add = [&](const std::string& name, std::uint32_t mask) {
    return ::inotify_add_watch(inotify_.get(), name.c_str(), mask | IN_DONT_FOLLOW) >= 0;
  };
  for (const std::string& file : files_) {
    if (!add(file, kOfFile)) return false;
    for (auto above = std::filesystem::path(file).parent_path(); above.has_relative_path();
         above = above.parent_path())
      if (!add(above.string(), kOfDirectory)) return false;
  }
  return true;
}

bool PlaceWatch::has_word() {
  alignas(inotify_event) char words[4096];
  return ::read(inotify_.get(), words, sizeof words) >= 0 || errno != EAGAIN;
}

}  // namespace domed
