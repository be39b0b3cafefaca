#include <algorithm>
#include <fstream>

#include "base/note.h"
#include "jobs/spool_import.h"
#include "jobs/state_dir.h"
#include "jobs_fixture.h"
#include "power/disk.h"
#include "runner/process.h"
#include "runner/spool.h"

namespace domed::test {
namespace {

namespace fs = std::filesystem;

std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// What a daemon and a runner wrote, and what they promised of it.
struct Written {
  std::string node_id;  // "": it was not told yet
  std::vector<std::string> earlier, lines;
  std::uint64_t acknowledged = 0;  // of lines
  pid_t child = 0;
};

class LossOfPower : public JobsTest {
 protected:
  static RunDir run_in(const fs::path& root) { return RunDir(root / "var/state/runs/run"); }

  std::string line(const std::string& producer, std::uint64_t batch, const Json& events) const {
    return Json{{"job_id", job}, {"producer_id", producer}, {"batch", batch}, {"events", events}}
        .dump();
  }

  // A first start in "root", a run that is taken back before it is anybody's, and another, as far
  // as it comes.
  Written live(const fs::path& root, std::mt19937_64 random, Disk& disk) {
    Written out;
    try {
      const FileLock lock = claim_state_dir(root / "var/state");
      out.node_id = node_id(root / "var/state");
      RunDir dir = run_in(root);
      dir.create(job, {{"n", 1}});
      const auto first_lock = dir.lock();
      Spool first(dir.path() / "spool");
      out.earlier.push_back(line("earlier", 1, Json::array({change_to("running")})));
      if (random() % 2 == 0) first.append(1, out.earlier.back());
      dir.create(job, {{"n", 2}});
      const auto second_lock = dir.lock();
      Spool spool(dir.path() / "spool");
      run(spool, dir, random, disk, out);
    } catch (const Error&) {
      EXPECT_TRUE(disk.is_lost());
    }
    return out;
  }

  void run(Spool& spool, const RunDir& dir, std::mt19937_64& random, Disk& disk, Written& out) {
    const std::uint64_t batches = is_long ? 40 : 2 + random() % 60;
    const std::size_t longest = std::size_t{7} << (is_long ? 13 : random() % 12);
    for (std::uint64_t batch = 1; batch <= batches && !disk.is_lost(); ++batch) {
      Json events = Json::array();
      if (batch == 1) events.push_back(change_to("running"));
      for (auto left = 1 + random() % 4; batch > 1 && left > 0; --left)
        events.push_back(log_event(std::string(random() % longest, 'a' + char(batch % 26))));
      if (batch == batches) events.push_back(change_to("succeeded"));
      if (random() % 16 == 0) disk.fill();
      out.lines.push_back(line("runner", batch, events));
      while (!spool.append(batch, out.lines.back()) && !disk.is_lost()) {
        // The batch was never sent, and is made anew of what has come meanwhile.
        events.insert(events.begin() + (batch == 1), log_event("meanwhile"));
        out.lines.back() = line("runner", batch, events);
      }
      if (batch != 1 && random() % 3 != 0) continue;
      while (!disk.is_lost() && spool.next()) continue;
      if (disk.is_lost()) return;
      // The daemon has it from here on; what follows may be cut.
      out.acknowledged = batch;
      const std::size_t size = spool.file_size();
      spool.acknowledge(batch);
      shrunk += spool.file_size() < size;
      if (batch > 1) continue;
      Json note = identity_json(identify(getpid()));
      out.child = getpid();
      write_own(dir.path() / "child.json", signed_note(note, "token").dump() + "\n");
    }
  }

  // Whether what "root" has of the state directory is that of "written".
  void check_node(const fs::path& root, const Written& written) {
    const std::string id = read_own(root / "var/state/node_id");
    EXPECT_TRUE(written.node_id.empty() || id == written.node_id + "\n") << "it has '" << id << "'";
    const FileLock lock = claim_state_dir(root / "var/state");
    EXPECT_EQ(32u, node_id(root / "var/state").size());
  }

  void check_run(const RunDir& dir, const Written& written) {
    const std::string id = dir.job_id();
    EXPECT_TRUE(id.empty() || id == job) << id;
    EXPECT_FALSE(dir.command(sha256("another")));
    const auto command = dir.command(sha256("token"));
    EXPECT_TRUE(!command || command->process.pid == written.child);
    bool readable = true;
    dir.read_spool([&](const std::string& text) {
      try {
        std::string params = compact_json(text);
        read_append(params);
      } catch (const std::exception&) {
        return readable = false;
      }
      const auto is_in = [&](const std::vector<std::string>& lines) {
        return std::find(lines.begin(), lines.end(), text) != lines.end();
      };
      EXPECT_TRUE(is_in(written.lines) || is_in(written.earlier)) << text.substr(0, 200);
      return true;
    });
    ++(readable ? whole : torn);
  }

  // A daemon that has what it acknowledged takes over what is left.
  void check_import(const RunDir& left, const Written& written, bool all) {
    if (written.acknowledged == 0) return;  // the job is queued, and goes back into the line
    submit(journal, job);
    const RunDir acknowledged(scratch.path() / "acknowledged");
    fs::create_directories(acknowledged.path());
    std::ofstream file(acknowledged.path() / "spool");
    for (std::uint64_t i = 0; i < written.acknowledged; ++i) file << written.lines[i] << '\n';
    file.close();
    ASSERT_EQ("", import_spool(context, head(job), fixed(job), acknowledged));
    const std::uint64_t before = head(job).head_seq;
    const std::string refused = import_spool(context, head(job), fixed(job), left);
    const std::uint64_t batches = head(job).last_batch("runner");
    EXPECT_EQ(0u, head(job).last_batch("earlier"));
    ASSERT_LE(written.acknowledged, batches);
    ASSERT_GE(written.lines.size(), batches);
    EXPECT_TRUE(!all || batches == written.lines.size()) << batches << " " << refused;
    std::uint64_t events = before;
    for (std::uint64_t i = written.acknowledged; i < batches; ++i)
      events += Json::parse(written.lines[i])["events"].size();
    EXPECT_EQ(events, head(job).head_seq);
    ++(refused.empty() ? silent : said_so);
    // Nothing is passed over in silence: of each byte that is there the daemon knows the batch.
    std::string bytes = read_own(left.path() / "spool", 1 << 30);
    for (std::uint64_t i = batches; i > 0; --i)
      if (bytes.ends_with(written.lines[i - 1] + "\n"))
        bytes.resize(bytes.size() - written.lines[i - 1].size() - 1);
    EXPECT_TRUE(bytes.empty() || !refused.empty()) << bytes.substr(0, 200);
    journal.run(job, [](JobLog& log) { log.drop(); });
  }

  // Returns how many operations there were.
  std::uint64_t cut(std::uint64_t script, std::uint64_t at, std::mt19937_64& random) {
    fs::path root = scratch.path() / "lost", left = scratch.path() / "left";
    for (const auto& path : {root, left}) fs::remove_all(path), fs::create_directories(path);
    Written written;
    std::uint64_t operations = 0;
    {
      Disk disk(root);
      disk.lose_at(at);
      written = live(root, std::mt19937_64(script), disk);
      operations = disk.operations();
      EXPECT_TRUE(disk.is_true()) << "a call passed it by";
      disk.leave_in(left, random);
    }
    if (at == 0) left = root;  // the power was never lost
    check_run(run_in(left), written);
    check_import(run_in(left), written, at == 0);
    check_node(left, written);
    return operations;
  }

  std::string job;
  bool is_long = false;  // enough for the spool to be shortened
  int whole = 0, torn = 0, silent = 0, said_so = 0, shrunk = 0;
};

TEST_F(LossOfPower, LeavesWhatWasSyncedAndNothingTornThatPassesForWhole) {
  const std::uint64_t seed = number_of("DOMED_SEED", std::random_device()());
  const std::uint64_t cuts = number_of("DOMED_CUTS", 300);
  std::mt19937_64 random(seed);
  std::uint64_t script = 0, all = 0;
  for (std::uint64_t i = 0; i < cuts && !HasFailure(); ++i) {
    job = "job-" + std::to_string(1'000'000 + i);  // of one length: a script is the same each time
    if (i % 25 == 0) script = random(), all = 0, is_long = i % 150 == 0;
    const std::uint64_t at = all == 0 ? 0 : 1 + random() % (all + 1);  // 0: when all is written
    SCOPED_TRACE("DOMED_SEED=" + std::to_string(seed) + ", cut " + std::to_string(i) +
                 " at operation " + std::to_string(at));
    try {
      const std::uint64_t operations = cut(script, at, random);
      if (at == 0) all = operations;
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
  if (cuts < 300) return;
  EXPECT_LT(0, whole);
  EXPECT_LT(0, torn);
  EXPECT_LT(0, silent);
  EXPECT_LT(0, said_so);
  EXPECT_LT(0, shrunk);
}

}  // namespace
}  // namespace domed::test
