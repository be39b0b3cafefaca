#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace domed {

// The cgroup (version 2) of one run: a directory below one that the deployment
// names.  What a run starts cannot leave it, whatever it does, and is killed in one
// step, however fast it forks.  An empty path: there is none, and all of this does
// nothing.
class Cgroup {
 public:
  Cgroup() = default;
  explicit Cgroup(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  explicit operator bool() const { return !path_.empty(); }

  // Makes it with these limits of all its processes together; 0: none.  Throws
  // Error(io) that says what is missing.
  void create(std::uint64_t memory, std::uint64_t processes) const;
  // Lets every process in it stand still, or go on.  False: it cannot.
  bool freeze(bool frozen) const noexcept;
  // Sends KILL to every process in it, frozen ones too.
  void kill() const noexcept;
  // A process of it was killed because of its limit of memory.
  bool ran_out_of_memory() const;
  // Removes it, where no process is left in it.
  void remove() const noexcept;

 private:
  std::filesystem::path path_;
};

// Throws Error(io) that names "subject" unless runs can be given cgroups below "dir".  Limits that
// would silently not hold are worse than none.
void must_be_delegated(const std::filesystem::path& dir, const std::string& subject);

// Writes "text" to a file of a cgroup; false with errno set where that failed.
bool write_control(const char* file, const char* text);

}  // namespace domed
