#include "main/maintenance.h"

#include <fcntl.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>

#include "base/units.h"
#include "loader/fence.h"
#include "loader/opened_plugin.h"
#include "log/check_store.h"
#include "log/checked_store.h"
#include "log/kernels_own.h"
#include "log/records.h"
#include "log/sealed_store.h"
#include "main/settings.h"
#include "system/fd.h"
#include "system/own_file.h"

namespace domed {
namespace {

using Clock = std::chrono::steady_clock;

// A line that is written over, a few times a second; nothing where nobody looks.
class ProgressLine {
 public:
  template <class Text>
  void show(Text&& text) {
    if (!terminal_ || Clock::now() < next_) return;
    next_ = Clock::now() + std::chrono::milliseconds(200);
    std::fprintf(stderr, "\r\x1b[K%s", text().c_str());
  }
  ~ProgressLine() {
    if (terminal_) std::fputs("\r\x1b[K", stderr);
  }

 private:
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  Clock::time_point next_{};
};

std::string in_words(const StoreReport& report) {
  return std::to_string(report.jobs) + " jobs and " + std::to_string(report.tombstones) +
         " deleted ones, " + std::to_string(report.events) + " events, " +
         format_size(report.bytes);
}

class ShownProgress final : public Progress {
 public:
  bool at(std::uint64_t done, std::uint64_t total) override {
    line_.show([&] { return format_size(done) + " of " + format_size(total); });
    return true;
  }

 private:
  ProgressLine line_;
};

// Counts what is told as an error: a store that finds damage of its own, of an index perhaps, and
// gets round it, shows nothing of it but its line in the log.
class ErrorCount final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::uint64_t count() const { return count_; }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (message.level >= spdlog::level::err) ++count_;
  }
  void flush_() override {}

  std::atomic<std::uint64_t> count_{0};
};

std::size_t jobs_in(const Store& store) {
  std::size_t jobs = 0;
  try {
    each_record(store, {}, [&](const JobRecord&) { return ++jobs < 1'000'000; });
  } catch (const Error& e) {
    if (e.code() != Code::corruption) throw;
    ++jobs;  // that is what copies are for
  }
  return jobs;
}

// So that whoever replaces a key learns when the former one opens nothing any more.
void tell_keys(const Store& store, const StoreKeys& keys) {
  std::map<std::string, std::uint64_t> records;
  for (const auto& id : keys.ids()) records[id] = 0;
  const auto count = [&](const JobRecord& record) {
    try {
      for (const auto& id : keys_of_sealed(record.job_id, record.fixed)) ++records[id];
    } catch (const Error&) {  // it is among what was told as damaged
    }
  };
  if (const auto own = store.find(kStoreRecord)) count(*own);
  try {
    each_record(store, {}, [&](const JobRecord& record) {
      count(record);
      return true;
    });
  } catch (const Error& e) {
    if (e.code() != Code::corruption) throw;  // told likewise
  }
  for (const auto& [id, sealed] : records)
    std::fprintf(stderr, "%s records are sealed with the store key %s\n",
                 std::to_string(sealed).c_str(), id.c_str());
}

}  // namespace

int check_whole_store(const Deployment& deployment) {
  const auto errors = std::make_shared<ErrorCount>();
  const auto logger = spdlog::default_logger()->clone(spdlog::default_logger()->name());
  logger->sinks().push_back(errors);
  const OpenedPlugin plugin(deployment.store.manifest, deployment.store.options, logger);
  const auto fenced = plugin.store();
  // Not behind a PresentStore, which would give logs of a former life their new name: who only
  // looks changes nothing.
  CheckedStore checked(*fenced);
  const SealedStore store(checked, deployment.store_keys);
  StoreReport report;
  {
    ProgressLine line;
    report = check_store(
        store,
        [](const std::string& problem) {
          std::printf("%s\n", problem.c_str());
          std::fflush(stdout);
        },
        [&](const StoreReport& sofar) { line.show([&] { return in_words(sofar); }); });
  }
  report.problems += errors->count();
  std::fprintf(stderr, "%s: %s\n", in_words(report).c_str(),
               report.problems == 0 ? "all as it was written"
                                    : (std::to_string(report.problems) + " damaged").c_str());
  tell_keys(checked, deployment.store_keys);
  return report.problems == 0 ? 0 : 1;
}

int restore_store(const Deployment& deployment, const std::string& file, bool replace) {
  // O_NONBLOCK, for a fifo that nobody writes to would be waited for before anything is said.
  const Fd copy(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!copy) throw Error(code_of(errno), "cannot open " + file + ": " + std::strerror(errno));
  const OpenedPlugin plugin(deployment.store.manifest, deployment.store.options,
                            spdlog::default_logger());
  const auto store = plugin.store();
  Backup* backup = backup_of(*store);
  if (!backup)
    throw Error(Code::unsupported, "the store '" + deployment.store.manifest.name +
                                       "' cannot take a copy in: it has no facet 'backup'");
  if (const std::size_t jobs = jobs_in(*store); jobs > 0 && !replace)
    throw Error(Code::conflict, "the store holds " + std::to_string(jobs) +
                                    " jobs, which the copy would replace: say --replace, or move "
                                    "the store away first");
  {
    ShownProgress progress;
    backup->restore(copy.get(), progress);
  }
  std::fprintf(stderr,
               "restored from %s; unfinished jobs get a new log_id when they are next looked at\n",
               file.c_str());
  return 0;
}

std::vector<std::string> beside_settings(const Deployment& deployment) try {
  const OpenedPlugin plugin(deployment.store.manifest, deployment.store.options,
                            spdlog::default_logger());
  const auto fenced = plugin.store();
  const KeptSettings kept = kept_settings(CheckedStore(*fenced));
  if (kept.revision == 0) return {};
  return ignored_under(deployment, usable_settings(deployment, kept.text, kept.file),
                       kept.revision);
} catch (const Error& e) {
  return {std::string("settings of all nodes cannot be read now, which may say otherwise: ") +
          e.what()};
}

}  // namespace domed
