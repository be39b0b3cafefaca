#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "domed/plugin.h"
#include "domed/store_rules.h"

// A whole store, durable and concurrent, to read and to start from.  Every commit
// is one record at the end of a journal file; what the journal says is kept in
// memory.  Copy it, and put your engine where Journal stands.
namespace {

using domed::Code;
using domed::Entry;
using domed::EntryResult;
using domed::Error;
using domed::JobRecord;
using Action = Entry::Action;

// A job never changes: a commit makes a new one, so that a reader keeps what it
// has found without a lock.
struct Job {
  JobRecord record;
  std::vector<std::string> lines;  // each with its LF; the first has record.first_seq
};
using JobPointer = std::shared_ptr<const Job>;

// Numbers and texts, one after the other, as bytes.
class Writer {
 public:
  void number(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) bytes_ += static_cast<char>(value >> (8 * i));
  }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  bool at_end() const { return bytes_.empty(); }
  std::uint64_t number() {
    std::uint64_t value = 0;
    const std::string_view taken = take(8);
    for (int i = 0; i < 8; ++i)
      value |= std::uint64_t{static_cast<unsigned char>(taken[static_cast<std::size_t>(i)])}
               << (8 * i);
    return value;
  }
  std::string_view text() { return take(number()); }

 private:
  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size()) throw Error(Code::corruption, "a journal record ends too early");
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::string_view bytes_;
};

std::uint64_t checksum(std::string_view bytes) {  // FNV-1a
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

// An append-only file of records: size, checksum, bytes.  A record that a crash
// cut off is cut away; nobody was told that it was there.
class Journal {
 public:
  explicit Journal(std::string path) : path_(std::move(path)) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) fail("cannot open it");
    try {
      begin();
    } catch (...) {
      ::close(fd_);
      throw;
    }
  }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal() { ::close(fd_); }

  // The whole records, oldest first.  Before the first append().
  std::vector<std::string> records() {
    std::vector<std::string> records;
    while (auto record = next()) records.push_back(std::move(*record));
    if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) fail("cannot cut off its torn end");
    return records;
  }

  // On return "record" is on the disk.  Throws when nothing of it is.
  void append(const std::string& record) {
    Writer header;
    header.number(record.size());
    header.number(checksum(record));
    const std::string bytes = header.bytes() + record;
    if (write(bytes) && ::fdatasync(fd_) == 0) {
      size_ += bytes.size();
    } else {
      const int reason = errno;
      if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) fail("cannot cut off what failed");
      errno = reason;
      fail("cannot write to it");
    }
    check_in_place();
  }

 private:
  static constexpr std::string_view kMagic = "domed store-template 1\n";

  // Only one process may use the file, and it must be ours: a foreign file would
  // look like one long torn record.
  void begin() {
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0)
      throw Error(Code::conflict,
                  path_ + ": another process uses it: stop that, or choose another path");
    char magic[kMagic.size()] = {};
    const bool whole = read(magic, sizeof magic, 0);
    const std::string_view found(magic, whole ? sizeof magic : ::strnlen(magic, sizeof magic));
    if (!kMagic.starts_with(found))
      throw Error(Code::corruption,
                  path_ + ": it is no journal of this store: choose another path");
    if (!whole && (!write(kMagic) || ::fsync(fd_) != 0 || !sync_directory()))
      fail("cannot write to it");
    size_ = kMagic.size();
  }

  // A new name survives loss of power only when its directory was synced.
  bool sync_directory() const {
    const std::string directory = path_.substr(0, path_.rfind('/') + 1);
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && ::fsync(fd) == 0;
    if (fd >= 0) ::close(fd);
    return synced;
  }

  [[noreturn]] void fail(const std::string& what) const {
    const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    throw Error(
        full ? Code::exhausted : Code::io,
        path_ + ": " + what + ": " + std::strerror(errno) +
            (full ? ": make room, it then goes on by itself" : ": look at the file system"));
  }

  bool write(std::string_view bytes) {
    off_t at = static_cast<off_t>(size_);
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), at);
      if (written < 0 && errno != EINTR) return false;
      if (written < 0) continue;
      bytes.remove_prefix(static_cast<std::size_t>(written));
      at += written;
    }
    return true;
  }

  // What went into a file without a name is lost.
  void check_in_place() const {
    struct stat status {};
    if (::fstat(fd_, &status) == 0 && status.st_nlink > 0) return;
    throw Error(Code::io, path_ + ": it was removed while domed uses it: restart domed");
  }

  bool read(char* to, std::size_t size, std::uint64_t at) const {
    while (size > 0) {
      const ssize_t got = ::pread(fd_, to, size, static_cast<off_t>(at));
      if (got < 0 && errno != EINTR) fail("cannot read it");
      if (got == 0) return false;
      if (got < 0) continue;
      to += got, at += static_cast<std::uint64_t>(got), size -= static_cast<std::size_t>(got);
    }
    return true;
  }

  std::optional<std::string> next() {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) fail("cannot look at it");
    char header[16];
    if (!read(header, sizeof header, size_)) return std::nullopt;
    Reader reader({header, sizeof header});
    const std::uint64_t size = reader.number();
    const std::uint64_t sum = reader.number();
    if (size > static_cast<std::uint64_t>(status.st_size)) return std::nullopt;
    std::string record(size, '\0');
    if (!read(record.data(), size, size_ + sizeof header)) return std::nullopt;
    if (checksum(record) != sum) return std::nullopt;
    size_ += sizeof header + size;
    return record;
  }

  std::string path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

void encode(const Entry& entry, Writer& out) {
  out.number(static_cast<std::uint64_t>(entry.action));
  out.text(entry.job_id);
  out.number(entry.expected_head);
  out.number(entry.first_seq);
  out.text(entry.events);
  out.number(entry.fixed.has_value());
  out.text(entry.fixed.value_or(""));
  out.text(entry.head);
  out.number(static_cast<std::uint64_t>(entry.columns.created));
  out.text(entry.columns.state);
  out.number(entry.columns.unfinished);
  out.text(entry.columns.tool_id);
  out.number(entry.columns.labels.size());
  for (const std::string& label : entry.columns.labels) out.text(label);
}

// Without "ends": lines are found again by their LF.
Entry decode(Reader& in) {
  Entry entry;
  entry.action = static_cast<Action>(in.number());
  entry.job_id = in.text();
  entry.expected_head = in.number();
  entry.first_seq = in.number();
  entry.events = in.text();
  const bool has_fixed = in.number() != 0;
  const std::string_view fixed = in.text();
  if (has_fixed) entry.fixed = fixed;
  entry.head = in.text();
  entry.columns.created = static_cast<std::int64_t>(in.number());
  entry.columns.state = in.text();
  entry.columns.unfinished = in.number() != 0;
  entry.columns.tool_id = in.text();
  for (std::uint64_t n = in.number(); n > 0; --n) entry.columns.labels.emplace_back(in.text());
  return entry;
}

void add_lines(Job& job, std::string_view events) {
  while (!events.empty()) {
    const std::size_t size = events.find('\n') + 1;
    job.lines.emplace_back(events.substr(0, size));
    events.remove_prefix(size);
    ++job.record.head_seq;
  }
}

void forget_below(Job& job, std::uint64_t first) {
  if (first <= job.record.first_seq) return;
  const auto count = static_cast<std::ptrdiff_t>(first - job.record.first_seq);
  job.lines.erase(job.lines.begin(), job.lines.begin() + count);
  job.record.first_seq = first;
}

// The job that "entry", which fits, makes of "before"; null: none.
JobPointer after(const Entry& entry, const JobPointer& before) {
  if (entry.action == Action::drop) return nullptr;
  auto job = before ? std::make_shared<Job>(*before) : std::make_shared<Job>();
  JobRecord& record = job->record;
  if (!before) {
    record.job_id = entry.job_id;
    record.columns.created = entry.columns.created;
    record.head_seq = entry.base();
    record.first_seq = entry.base() + 1;
  }
  const std::int64_t created = record.columns.created;
  record.columns = entry.columns;
  record.columns.created = created;
  record.head = entry.head;
  if (entry.fixed) record.fixed = *entry.fixed;
  if (entry.action == Action::append) add_lines(*job, entry.events);
  if (entry.action == Action::trim) forget_below(*job, entry.first_seq);
  if (entry.action == Action::purge) {
    forget_below(*job, record.head_seq + 1);
    record.fixed.clear();
    record.tombstone = true;
  }
  return job;
}

bool matches(const JobRecord& job, const domed::ListQuery& query) {
  const auto& labels = job.columns.labels;
  return job.tombstone == query.tombstones && (!query.unfinished || job.columns.unfinished) &&
         (query.state.empty() || job.columns.state == query.state) &&
         (query.tool_id.empty() || job.columns.tool_id == query.tool_id) &&
         (query.label.empty() || std::count(labels.begin(), labels.end(), query.label) > 0);
}

class StoreTemplate final : public domed::Store {
 public:
  StoreTemplate(const domed::Options& options, domed::Host& host) : journal_(options.text("path")) {
    for (const std::string& record : journal_.records()) {
      for (Reader reader(record); !reader.at_end();) {
        const Entry entry = decode(reader);
        replace(std::string(entry.job_id), after(entry, job(entry.job_id)));
      }
    }
    host.log(domed::Level::info, std::to_string(jobs_.size()) + " jobs");
  }

  domed::Durability durability() const noexcept override { return domed::Durability::power; }

  // Nothing is changed before the journal has it; readers wait for the last step
  // alone, which writes nothing.
  std::vector<EntryResult> commit(std::span<const Entry> entries) override {
    domed::check_batch(entries);
    std::vector<EntryResult> results;
    std::map<std::string, JobPointer> changes;
    std::map<std::int64_t, std::string> created;
    Writer record;
    for (const Entry& entry : entries) {
      const JobPointer before = job(entry.job_id);
      const std::uint64_t head = before ? before->record.head_seq : 0;
      if (domed::conflicts(entry, before != nullptr, before && before->record.tombstone, head)) {
        results.push_back({EntryResult::Outcome::conflict, head});
        continue;
      }
      if (!before && (by_created_.contains(entry.columns.created) ||
                      !created.emplace(entry.columns.created, entry.job_id).second))
        domed::refuse_created(entry.columns.created);
      changes[std::string(entry.job_id)] = after(entry, before);
      encode(entry, record);
      results.push_back({EntryResult::Outcome::done, 0});
    }
    if (!changes.empty()) journal_.append(record.bytes());
    const std::lock_guard lock(mutex_);
    for (auto& [id, changed] : changes) replace(id, changed);
    return results;
  }

  std::optional<domed::Slice> read(std::string_view job_id, std::uint64_t from,
                                   std::size_t max_events, std::size_t max_bytes) const override {
    const JobPointer found = locked_job(job_id);
    if (!found) return std::nullopt;
    domed::Slice slice;
    slice.job = found->record;
    slice.job.fixed.clear();
    slice.from = std::max(from, slice.job.first_seq);
    max_bytes = std::min<std::size_t>(max_bytes, UINT32_MAX);  // "ends" has 32 bits
    for (std::uint64_t seq = slice.from; seq <= slice.job.head_seq; ++seq) {
      const std::string& line = found->lines[seq - slice.job.first_seq];
      const bool full =
          slice.ends.size() >= max_events || slice.events.size() + line.size() > max_bytes;
      if (full && !slice.ends.empty()) break;
      slice.events += line;
      slice.ends.push_back(static_cast<std::uint32_t>(slice.events.size()));
    }
    return slice;
  }

  std::optional<JobRecord> find(std::string_view job_id) const override {
    const JobPointer found = locked_job(job_id);
    return found ? std::optional(found->record) : std::nullopt;
  }

  std::vector<JobRecord> list(const domed::ListQuery& query) const override {
    domed::check_query(query);
    std::vector<JobRecord> page;
    std::size_t bytes = 0;
    const std::lock_guard lock(mutex_);
    for (auto it = by_created_.rbegin(); it != by_created_.rend(); ++it) {
      const JobRecord& record = it->second->record;
      if (query.before != 0 && it->first >= query.before) continue;
      if ((query.since != 0 && it->first < query.since) || page.size() == query.limit) break;
      if (!matches(record, query)) continue;
      if (!domed::page_takes(query, page.size(), bytes, record)) break;
      page.push_back(record);
    }
    return page;
  }

 private:
  JobPointer job(std::string_view id) const {
    const auto it = jobs_.find(id);
    return it == jobs_.end() ? nullptr : it->second;
  }
  JobPointer locked_job(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    return job(id);
  }

  void replace(const std::string& id, JobPointer changed) {
    if (const JobPointer before = job(id)) by_created_.erase(before->record.columns.created);
    if (changed) {
      by_created_[changed->record.columns.created] = changed;
      jobs_[id] = std::move(changed);
    } else {
      jobs_.erase(id);
    }
  }

  Journal journal_;
  // Held by whoever looks at the maps while somebody may change them: readers
  // always, commit(), which runs alone, for its changes only.
  mutable std::mutex mutex_;
  std::map<std::string, JobPointer, std::less<>> jobs_;
  std::map<std::int64_t, JobPointer> by_created_;
};

}  // namespace

DOMED_PLUGIN(Store, StoreTemplate)
