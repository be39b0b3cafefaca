#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domed/error.h"
#include "system/fd.h"

namespace domed {

// What "error", an errno, says of a try: exhausted passes when there is room again, unsupported
// does not pass.
Code code_of(int error);

// Files where jobs of the same user can write: the directories of runs, and the daemon's own
// below state_dir.  What lies there may be anything, and what it says is a hint.
//
// A path is looked at before it is opened (opening a device or a FIFO does something, or
// waits), its last part is no link that is followed, and it must be a regular file of this
// user.  What is not gives Error(unsupported), which repeating cannot help; want of
// descriptors or memory gives exhausted, a bad medium io.  Texts name the path.

// Opens "path" with "flags"; empty where there is none, or with O_CREAT no directory.  A file
// that it makes has mode 0600.
Fd open_own(const std::string& path, int flags);

// The file's bytes, "" where there is none.  More than "most" bytes are unsupported.
std::string read_own(const std::string& path, std::size_t most = 64 << 10);

// A new file, empty, in the place of "path" whatever that was, unless it is a directory.
Fd create_own(const std::string& path);

// What was made, renamed or removed in "directory" survives a loss of power from here on.
void sync_directory(const std::string& directory);

// Puts a new file with "bytes" in the place of "path", in one step; "sync": and on the disk,
// its name too.
void write_own(const std::string& path, std::string_view bytes, bool sync = false);

// Takes the lock (flock) on the file "path", which it makes where there is none, for as long as
// the result lives.  nullopt: another process has it.  An empty one where there is no directory.
std::optional<Fd> lock_own(const std::string& path);

// Whether a process holds that lock of the file "path", whoever's it is.  Asks the system's list
// of locks: to try it would keep another from taking it.  False where the list does not tell, as
// of a process in another container, or on btrfs.
bool is_locked(const std::string& path);

// All that is left in "fd".  More than "most" bytes are unsupported; texts name "path".
std::string read_fully(int fd, const std::string& path, std::size_t most);

// Writes all of "bytes" at "offset"; false with errno set where that failed.
bool write_fully(int fd, std::string_view bytes, std::size_t offset);

}  // namespace domed
