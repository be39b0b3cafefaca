// Stored bytes that changed where they lay: no method shows any of them, and what was not hurt is
// shown as ever.  DOMED_DAMAGES=N tries N damages instead of the few that every run has.
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>

#include "log/check_store.h"
#include "support/harness.h"

namespace domed::test {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// What the methods show of every job.
struct Shown {
  std::map<std::string, std::vector<std::string>> lines;
  std::map<std::string, Json> statuses, listed;
};

class Damaged : public ::testing::Test {
 protected:
  static constexpr const char* kStore = "store-sqlite";

  // Jobs of all kinds, and what is to be seen of them.
  void make(const fs::path& dir) {
    Kernel kernel(kStore, dir);
    for (int n = 0; n < 12; ++n) {
      const Json job = kernel.running_job("job-" + std::to_string(n));
      ids.push_back(job["job_id"]);
      for (int batch = 1; batch < 5; ++batch) {
        Json events = Json::array();
        for (int i = 0; i < 1 + n * n; ++i)
          events.push_back(log_event("line " + std::to_string(i) + std::string(n * 7, 'x')));
        kernel.append(job, batch, events);
      }
      if (n % 3 != 0) kernel.append(job, 5, Json::array({change_to("succeeded")}));
      if (n % 6 == 1) kernel.call("TrimJob", {{"job_id", ids.back()}, {"keep_from_seq", 10}});
    }
    right = look(kernel);
  }

  Shown look(Kernel& kernel) {
    Shown shown;
    for (const auto& id : ids) {
      const Json status = kernel.request("GetJobStatus", {{"job_id", id}});
      if (take(status, id)) shown.statuses[id] = status["result"];
      std::uint64_t since =
          right.statuses.count(id)    ? right.statuses[id]["first_seq"].get<std::uint64_t>() - 1
          : status.contains("result") ? status["result"]["first_seq"].get<std::uint64_t>() - 1
                                      : 0;
      for (;;) {
        const Json reply = kernel.request("StreamJobEvents",
                                          {{"job_id", id}, {"since_seq", since}, {"lines", true}});
        if (!take(reply, id)) break;
        const Json& page = reply["result"];
        for (const auto& line : page["events"]) shown.lines[id].push_back(line);
        if (page["more"] == false) break;
        if (page["events"].empty()) {
          ADD_FAILURE() << "a page says that there is more, and is empty";
          break;
        }
        since = Json::parse(page["events"].back().get<std::string>())["seq"];
      }
    }
    const Json list = kernel.request("ListJobs", {{"limit", 1000}});
    if (take(list, ""))
      for (const auto& job : list["result"]["jobs"]) shown.listed[job["job_id"]] = job;
    return shown;
  }

  // Whether "reply" has a result; an error must say what is wrong.
  bool take(const Json& reply, const std::string& id) {
    if (reply.contains("result")) return true;
    const Json& data = reply["error"]["data"];
    const std::string name = data.value("error", ""), text = reply["error"]["message"];
    EXPECT_EQ("E_STORE", name) << text;
    EXPECT_EQ(false, data.value("retryable", true)) << text;
    const bool has_place = id.empty() || text.find(id) != std::string::npos ||
                           text.find("domed.db") != std::string::npos;
    EXPECT_TRUE(has_place) << text;
    ++refusals;
    return false;
  }

  // A log that goes on gets a new name where the store cannot vouch for its past any more.
  static Json without_name(Json job) {
    for (const char* key : {"log_id", "digest", "base_digest"}) job.erase(key);
    return job;
  }
  static void expect_same(const Json& good, const Json& job) {
    const bool renamed = good["state"] == "running" && good["log_id"] != job["log_id"];
    const Json changed =
        renamed ? Json::diff(without_name(good), without_name(job)) : Json::diff(good, job);
    EXPECT_TRUE(changed.empty()) << changed;
  }

  void compare(Shown& shown) {
    for (const auto& [id, status] : shown.statuses) expect_same(right.statuses[id], status);
    for (const auto& [id, lines] : shown.lines)
      for (const auto& line : lines) {
        const auto& good = right.lines[id];
        EXPECT_NE(good.end(), std::find(good.begin(), good.end(), line)) << id << ": " << line;
      }
    for (const auto& [id, job] : shown.listed) {
      if (!job.contains("damaged")) expect_same(right.listed[id], job);
    }
  }

  // Something that happens to files.
  std::string spoil(const fs::path& file, std::mt19937& random) {
    std::string bytes = read_file(file);
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    const std::size_t at = below(bytes.size());
    const std::size_t length = std::min(bytes.size() - at, std::size_t{1} << below(13));
    std::string what;
    switch (below(6)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << below(8)), what = "a bit";
        break;
      case 1:
        bytes[at] = static_cast<char>(random()), what = "a byte";
        break;
      case 2:
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), length, '\0'), what = "zeros";
        break;
      case 3:
        for (std::size_t i = 0; i < length; ++i) bytes[at + i] = static_cast<char>(random());
        what = "noise";
        break;
      case 4: {  // a block lands in another's place
        const std::size_t page = 4096, pages = bytes.size() / page;
        bytes.replace(below(pages) * page, page, bytes.substr(below(pages) * page, page));
        what = "another page";
        break;
      }
      default: {
        const std::size_t from = below(bytes.size() - length);
        bytes.replace(at, length, bytes.substr(from, length));
        what = "other bytes";
      }
    }
    write_file(file, bytes);
    return what + " at " + std::to_string(at) + ", " + std::to_string(length) + " long";
  }

  Scratch scratch;
  std::vector<std::string> ids;
  Shown right;
  int refusals = 0;
};

TEST_F(Damaged, BytesAreNeverShown) {
  const fs::path whole = scratch.path() / "whole";
  fs::create_directories(whole);
  make(whole);
  const char* given = std::getenv("DOMED_DAMAGES");
  const int times = given ? std::atoi(given) : 60;
  const char* again = std::getenv("DOMED_SEED");  // of a run that failed
  const auto seed = again ? static_cast<std::uint32_t>(std::stoul(again)) : std::random_device()();
  std::mt19937 random(seed);
  int refused = 0, missing = 0;
  for (int i = 0; i < times && !HasFailure(); ++i) {
    const fs::path dir = scratch.path() / "damaged";
    fs::remove_all(dir);
    fs::copy(whole, dir, fs::copy_options::recursive);
    // At rest, or under a kernel that has it open already.
    std::unique_ptr<Kernel> live;
    if (i % 2 == 1) live = std::make_unique<Kernel>(kStore, dir);
    const std::string what = spoil(dir / "domed.db", random) + (live ? ", open" : ", at rest");
    SCOPED_TRACE("seed " + std::to_string(seed) + ", damage " + std::to_string(i) + ": " + what);
    try {
      if (!live) live = std::make_unique<Kernel>(kStore, dir);
      Shown shown = look(*live);
      compare(shown);
      missing += static_cast<int>(ids.size() - shown.listed.size());
    } catch (const Error& e) {
      ++refused;  // the file as a whole
      EXPECT_NE(std::string::npos, std::string(e.what()).find("dom")) << e.what();
    }
  }
  RecordProperty("seed", std::to_string(seed));
  std::printf("%d damages: %d refusals of a job, %d of the whole file, %d jobs missing in lists\n",
              times, refusals, refused, missing);
}

}  // namespace
}  // namespace domed::test
