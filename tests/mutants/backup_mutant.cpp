#include <sys/sendfile.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

#include "domed/plugin.h"
#include "good.h"
#include "store-sqlite/store_sqlite.h"

// A store with a good facet Backup, and with one thing wrong there.
namespace mutants {
namespace {

struct Deaf final : domed::Progress {
  explicit Deaf(domed::Progress* progress) : inner(progress) {}
  bool at(std::uint64_t done, std::uint64_t total) override {
    if (inner) inner->at(done, total);
    return true;
  }
  domed::Progress* inner;
};

Inner opened(const domed::Options& options) {
  domed::StoreSqlite::Settings settings;
  settings.path = options.text("path");
  return std::make_unique<domed::StoreSqlite>(settings);
}

class Mutant final : public Good, public domed::Backup {
 public:
  Mutant(const domed::Options& options, domed::Host&)
      : Good(opened(options)), path_(options.text("path")), broken_(options.text("break")) {}

  std::string incarnation() const override {
    return broken_ == "restore-keeps-incarnation" ? first_name() : inner_->incarnation();
  }

  Outcomes commit(std::span<const Entry> entries) override {
    if (broken_ == "backup-without-the-newest") keep_a_copy();
    return inner_->commit(entries);
  }

  void backup(int fd, domed::Progress& progress) const override {
    Deaf deaf(broken_ == "backup-in-silence" ? nullptr : &progress);
    if (broken_ == "backup-without-the-newest" && before_) {
      progress.at(1, 1);
      return copy(::fileno(before_.get()), fd);
    }
    if (broken_ == "backup-by-name") {
      const std::string link = "/proc/self/fd/" + std::to_string(fd);
      char name[4096];
      const ssize_t size = ::readlink(link.c_str(), name, sizeof name);
      File other(std::fopen(std::string(name, static_cast<std::size_t>(size)).c_str(), "w+"));
      if (!other) throw Error(Code::io, "cannot open the copy by its name");
      return good().backup(::fileno(other.get()), progress);
    }
    const bool is_deaf = broken_ == "backup-in-silence" || broken_ == "break-off-ignored";
    good().backup(fd, is_deaf ? deaf : progress);
  }

  void restore(int fd, domed::Progress& progress) override {
    Deaf deaf(&progress);
    if (broken_ == "restore-empties-first") empty();
    try {
      good().restore(fd, broken_ == "break-off-ignored" ? deaf : progress);
    } catch (const Error&) {
      if (broken_ != "restore-takes-anything") throw;
    }
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, Close>;

  domed::Backup& good() const { return dynamic_cast<domed::Backup&>(*inner_); }

  std::string first_name() const {
    std::string name;
    if (std::ifstream(path_ + ".name") >> name) return name;
    std::ofstream(path_ + ".name") << inner_->incarnation();
    return inner_->incarnation();
  }

  void keep_a_copy() {
    before_.reset(std::tmpfile());
    Deaf deaf(nullptr);
    good().backup(::fileno(before_.get()), deaf);
  }

  static void copy(int from, int to) {
    off_t at = 0;
    while (::sendfile(to, from, &at, 1 << 20) > 0) {
    }
  }

  // Makes room for the copy before it has looked at it.
  void empty() {
    for (const JobRecord& job : inner_->list({.limit = 10000}).jobs) {
      Entry entry;
      entry.action = Action::purge;
      entry.job_id = job.job_id;
      entry.expected_revision = entry.revision = job.revision;
      inner_->commit({&entry, 1});
      entry.action = Action::drop;
      inner_->commit({&entry, 1});
    }
  }

  const std::string path_, broken_;
  File before_;
};

}  // namespace
}  // namespace mutants

DOMED_PLUGIN(Store, mutants::Mutant)
