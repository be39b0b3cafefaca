#include "runner/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "domed/error.h"

namespace domed {

Spool::Spool(std::string path)
    : path_(std::move(path)),
      fd_(open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {
  if (!fd_) throw_errno("cannot create the spool " + path_);
}

bool Spool::append(std::uint64_t batch, std::string_view line) {
  const std::string record = std::string(line) + '\n';
  const std::scoped_lock lock(mutex_);
  if (!write_fully(fd_.get(), record, size_)) {
    const int error = errno;
    if (ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) errno = error;
    errno = error;
    return false;
  }
  if (acknowledged_ > 0) entries_.pop_front(), acknowledged_ = 0;
  entries_.push_back({batch, size_, line.size(), sha256(line)});
  size_ += record.size();
  return true;
}

std::optional<Spool::Record> Spool::next() {
  const std::scoped_lock lock(mutex_);
  for (const auto& entry : entries_) {
    if (entry.batch <= handed_out_) continue;
    handed_out_ = entry.batch;
    return Record{entry.batch, read(entry)};
  }
  return std::nullopt;
}

void Spool::rewind() {
  const std::scoped_lock lock(mutex_);
  if (!entries_.empty()) handed_out_ = entries_.front().batch - (acknowledged_ > 0 ? 0 : 1);
}

void Spool::acknowledge(std::uint64_t batch) {
  const std::scoped_lock lock(mutex_);
  while (entries_.size() > 1 && entries_.front().batch <= batch) {
    entries_.pop_front();
    acknowledged_ = 0;
  }
  if (!entries_.empty() && entries_.front().batch <= batch) acknowledged_ = 1;
  // Never copies more than was freed.
  const std::size_t freed = entries_.empty() ? 0 : entries_.front().offset;
  if (freed > kShrinkAbove && freed >= size_ - freed) shrink();
}

std::size_t Spool::unacknowledged() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size() - acknowledged_;
}

std::size_t Spool::unacknowledged_bytes() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size() == acknowledged_ ? 0 : size_ - entries_.front().offset;
}

std::size_t Spool::file_size() const {
  const std::scoped_lock lock(mutex_);
  return size_;
}

std::string Spool::read(const Entry& entry) const {
  std::string line(entry.length, '\0');
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t n = pread(fd_.get(), line.data() + done, line.size() - done,
                            static_cast<off_t>(entry.offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) throw Error(Code::io, "the spool " + path_ + " was cut by somebody else");
    if (n < 0) throw_errno("cannot read the spool " + path_);
    done += static_cast<std::size_t>(n);
  }
  if (sha256(line) != entry.digest)
    throw Error(Code::corruption, "the spool " + path_ + " was changed by somebody else");
  return line;
}

// What is not acknowledged, and the last line in any case, moves to a new file.
// By rename, so that there is no moment without it.  A failure leaves a longer
// file, no more.
void Spool::shrink() {
  const std::size_t base = entries_.front().offset;
  const std::string temporary = path_ + ".tmp";
  Fd fd;
  try {
    fd = create_own(temporary);
    for (const auto& entry : entries_)
      if (!write_fully(fd.get(), read(entry) + '\n', entry.offset - base)) return;
  } catch (const Error&) {
    return;
  }
  if (rename(temporary.c_str(), path_.c_str()) != 0) return;
  fd_ = std::move(fd);
  size_ -= base;
  for (auto& entry : entries_) entry.offset -= base;
}

void for_each_line(std::string_view spool, const std::function<void(std::string_view)>& take) {
  for (std::size_t lf; (lf = spool.find('\n')) != std::string_view::npos;) {
    take(spool.substr(0, lf));
    spool.remove_prefix(lf + 1);
  }
}

}  // namespace domed
