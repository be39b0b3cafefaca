#include "domectl/append_state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/json.h"
#include "domed/error.h"
#include "domed/support/hash.h"

namespace domed::ctl {

// The name is a hash, so that neither job id, which may hold any bytes, nor token becomes a part of
// a path that others can list.  The user is in it, for the directory may be shared; the token, so
// that a job and an external producer of it have numbers of their own.
AppendState::AppendState(const std::string& directory, const std::string& job_id,
                         const std::string& token)
    : path_(directory + "/domectl-append-" +
            sha256_hex(std::to_string(geteuid()) + "\n" + job_id + "\n" + token).substr(0, 32)) {
  fd_ =
      // Whoever else can write to this directory may have put something there: no link is followed,
      // no FIFO or terminal waited for.
      open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
  struct stat info;
  if (fd_ < 0 || fstat(fd_, &info) != 0 || flock(fd_, LOCK_EX) != 0) {
    const int error = errno;
    if (fd_ >= 0) close(fd_);
    throw Error(Code::io, "cannot use " + path_ + ": " + std::strerror(error) +
                              "; give --producer-id and --batch instead");
  }
  if (info.st_uid != geteuid() || !S_ISREG(info.st_mode)) {
    close(fd_);
    throw Error(Code::io, path_ + " is not a file of this user; give --producer-id and --batch");
  }
  read();
}

AppendState::~AppendState() {
  close(fd_);
}

void AppendState::read() {
  char text[256];
  const ssize_t size = pread(fd_, text, sizeof text, 0);
  const Json json = Json::parse(text, text + (size > 0 ? size : 0), nullptr, false);
  // What is not whole begins a new producer: the old one's numbers are used up, and to guess one
  // would risk to be taken for a repetition and not be appended at all.
  if (json.is_object() && json.contains("producer_id") && json["producer_id"].is_string() &&
      json.contains("batch") && json["batch"].is_number_unsigned()) {
    producer_id_ = json["producer_id"].get<std::string>();
    last_batch_ = json["batch"].get<std::uint64_t>();
  } else {
    producer_id_ = random_hex(16);
    acknowledged(0);
  }
}

// Shorter texts are padded, so that the file never holds a torn one.
void AppendState::acknowledged(std::uint64_t batch) {
  last_batch_ = batch;
  std::string text = Json{{"producer_id", producer_id_}, {"batch", batch}}.dump();
  text.resize(128, ' ');
  if (pwrite(fd_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    throw Error(Code::io, "cannot write " + path_ + ": " + std::strerror(errno));
}

}  // namespace domed::ctl
