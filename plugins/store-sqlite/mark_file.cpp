#include "mark_file.h"

#include <array>
#include <cstring>
#include <utility>

namespace domed {
namespace {

constexpr std::uint64_t kMarkMagic = 0x31'6b'72'61'6d'64'6f'64;  // "dodmark1"
constexpr std::size_t kWords = 6;

// magic, epoch, run, frames and flags, checkpointed, sum: each of 64 bits, in the machine's order,
// for the file never leaves it (where it did, the sum is wrong, and the mark as good as missing).
using Record = std::array<std::uint64_t, kWords>;

std::uint64_t sum_of(const Record& record) {
  WalSum sum;
  sum.add(reinterpret_cast<const unsigned char*>(record.data()), 8 * (kWords - 1), false);
  return std::uint64_t{sum.a} << 32 | sum.b;
}

Record record_of(const Mark& mark) {
  const std::uint64_t flags = std::uint64_t{mark.opening} | std::uint64_t{mark.emptying} << 1 |
                              std::uint64_t{mark.closed} << 2 | std::uint64_t{mark.renew} << 3;
  Record record = {kMarkMagic,
                   mark.epoch,
                   std::uint64_t{mark.run.first} << 32 | mark.run.second,
                   std::uint64_t{mark.frames} << 32 | flags,
                   mark.checkpointed,
                   0};
  record.back() = sum_of(record);
  return record;
}

Mark mark_of(const Record& record) {
  const auto flag = [&](int bit) { return (record[3] >> bit & 1) != 0; };
  return {
      .epoch = record[1],
      .run = {static_cast<std::uint32_t>(record[2] >> 32), static_cast<std::uint32_t>(record[2])},
      .frames = static_cast<std::uint32_t>(record[3] >> 32),
      .checkpointed = static_cast<std::uint32_t>(record[4]),
      .opening = flag(0),
      .emptying = flag(1),
      .closed = flag(2),
      .renew = flag(3)};
}

}  // namespace

MarkFile::MarkFile(std::string path)
    : path_(std::move(path)),
      vfs_(sqlite3_vfs_find(nullptr)),
      storage_(std::make_unique<char[]>(static_cast<std::size_t>(vfs_->szOsFile))),
      file_(reinterpret_cast<sqlite3_file*>(storage_.get())) {
  is_open_ = open(0);
}

MarkFile::~MarkFile() {
  if (is_open_) file_->pMethods->xClose(file_);
}

// As a journal it gets the owner and mode of its database, and its first sync that of the
// directory too.
bool MarkFile::open(int flags) noexcept {
  std::memset(storage_.get(), 0, static_cast<std::size_t>(vfs_->szOsFile));
  return vfs_->xOpen(vfs_, path_.c_str(), file_,
                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_JOURNAL | flags,
                     nullptr) == SQLITE_OK;
}

std::optional<Mark> MarkFile::read() {
  Record record;
  if (!is_open_ || file_->pMethods->xRead(file_, record.data(), sizeof record, 0) != SQLITE_OK)
    return std::nullopt;
  if (record[0] != kMarkMagic || record.back() != sum_of(record)) return std::nullopt;
  return mark_of(record);
}

bool MarkFile::write(const Mark& mark, bool sync) noexcept {
  is_open_ = is_open_ || open(SQLITE_OPEN_CREATE);
  if (!is_open_) return false;
  const Record record = record_of(mark);
  return file_->pMethods->xWrite(file_, record.data(), sizeof record, 0) == SQLITE_OK &&
         (!sync || file_->pMethods->xSync(file_, SQLITE_SYNC_NORMAL) == SQLITE_OK);
}

}  // namespace domed
