#include "script.h"

#include <utility>

namespace store_tests {
namespace {

using domed::Entry;
using domed::JobRecord;
using domed::Store;

constexpr std::size_t kJobs = 12;

std::vector<JobRecord> all(const Store& store, bool tombstones) {
  return store.list({.limit = 1000, .tombstones = tombstones}).jobs;
}

std::string lines_of(const Store& store, const JobRecord& job) {
  std::string lines;
  for (std::uint64_t from = job.first_seq; from <= job.head_seq;) {
    const auto slice = store.read(job.job_id, from, 1000, 1 << 20);
    if (!slice || slice->ends.empty()) return lines + "(nothing more)";
    lines += slice->events;
    from += slice->ends.size();
  }
  return lines;
}

std::string text_of(const JobRecord& job) {
  std::string text = job.job_id + ' ' + std::to_string(job.columns.created) + ' ' +
                     std::to_string(job.first_seq) + '-' + std::to_string(job.head_seq) +
                     (job.tombstone ? " tombstone " : " ") + job.columns.state +
                     (job.columns.unfinished ? " unfinished" : "");
  for (const std::string& tag : job.columns.tags) text += ' ' + tag;
  return text;
}

bool equal(const JobRecord& a, const JobRecord& b) {
  return text_of(a) == text_of(b) && a.revision == b.revision && a.head == b.head &&
         a.fixed == b.fixed;
}

}  // namespace

std::string Script::bytes(std::size_t size) {
  std::string text(size, ' ');
  for (char& byte : text) byte = static_cast<char>('a' + below(26));
  return text;
}

std::span<const Entry> Script::next() {
  owned_.clear();
  batch_.clear();
  std::string chosen;
  const std::size_t count = 1 + below(3);
  for (std::size_t i = 0; i < count; ++i) {
    auto owned = std::make_unique<Owned>();
    owned->job_id = "job-" + std::to_string(below(kJobs));
    if (chosen.find(owned->job_id + ' ') != std::string::npos) continue;
    chosen += owned->job_id + ' ';
    choose(*owned);
    view(*owned);
    batch_.push_back(owned->entry);
    owned_.push_back(std::move(owned));
  }
  return batch_;
}

void Script::done() {
  expected_->commit(batch_);
}

// Mostly appends; a job ends as a tombstone, and that goes too.
void Script::choose(Owned& owned) {
  Entry& entry = owned.entry;
  owned.revision = bytes(domed::kRevisionBytes);
  owned.head = bytes(20 + below(400));
  const auto job = expected_->find(owned.job_id);
  entry.columns = job ? job->columns : domed::JobColumns{.created = 1 + (created_ += below(2))};
  if (job) owned.expected = job->revision;
  const std::size_t dice = below(20);
  if (job && job->tombstone) {
    entry.action = Entry::Action::drop;
  } else if (job && dice == 0) {
    entry.action = Entry::Action::purge;
    entry.columns.unfinished = false;
  } else if (job && dice <= 2) {
    entry.action = Entry::Action::trim;
    entry.first_seq = job->first_seq + below(job->head_seq - job->first_seq + 2);
  } else {
    entry.base = job ? job->head_seq : 0;
    add_lines(owned);
  }
  if (!job || dice == 3) {
    owned.fixed = bytes(below(6000));
    entry.fixed.emplace();
    entry.columns.state = bytes(1);
    entry.columns.unfinished = below(2) == 0;
    entry.columns.tags = {"tool=" + bytes(1), "label:" + bytes(2)};
  }
}

void Script::add_lines(Owned& owned) {
  const std::size_t count = 1 + below(6);
  const std::size_t most = below(8) == 0 ? 20'000 : 300;
  for (std::size_t i = 0; i < count; ++i) {
    owned.events += bytes(1 + below(most)) + '\n';
    owned.ends.push_back(static_cast<std::uint32_t>(owned.events.size()));
  }
}

void Script::view(Owned& owned) {
  Entry& entry = owned.entry;
  entry.job_id = owned.job_id;
  entry.expected_revision = owned.expected;
  entry.revision = owned.revision;
  entry.events = owned.events;
  entry.ends = owned.ends;
  entry.head = owned.head;
  if (entry.fixed && entry.action == Entry::Action::append) entry.fixed = owned.fixed;
  if (entry.action != Entry::Action::append) entry.fixed.reset();
}

std::string difference(const Store& expected, const Store& store) {
  for (const bool tombstones : {false, true}) {
    const auto want = all(expected, tombstones);
    const auto have = all(store, tombstones);
    for (std::size_t i = 0; i < want.size() || i < have.size(); ++i) {
      const std::string wanted = i < want.size() ? text_of(want[i]) : "nothing";
      const std::string found = i < have.size() ? text_of(have[i]) : "nothing";
      if (i >= want.size() || i >= have.size() || !equal(want[i], have[i]))
        return "expected " + wanted + ", found " + found;
      if (lines_of(expected, want[i]) != lines_of(store, have[i])) return "lines of " + wanted;
      for (const std::string& tag : want[i].columns.tags) {
        const domed::ListQuery query{.state = want[i].columns.state, .tags = {tag}, .limit = 1000};
        if (expected.list(query).jobs.size() != store.list(query).jobs.size())
          return "jobs by " + tag;
      }
    }
  }
  return {};
}

}  // namespace store_tests
