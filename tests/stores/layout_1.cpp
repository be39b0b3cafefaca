#include "layout_1.h"

#include "scratch.h"

namespace store_tests {
namespace {

using domed::sqlite::Blob;
using domed::sqlite::Connection;
using domed::sqlite::Text;

// Word for word what the releases before had.
constexpr auto kLayout1 =
    R"(CREATE TABLE jobs(
         no INTEGER PRIMARY KEY,
         job_id BLOB NOT NULL UNIQUE,
         created INTEGER NOT NULL UNIQUE,
         first_seq INTEGER NOT NULL,
         head_seq INTEGER NOT NULL,
         tombstone INTEGER NOT NULL,
         unfinished INTEGER NOT NULL,
         state TEXT NOT NULL,
         tool_id TEXT NOT NULL,
         labels TEXT NOT NULL,
         head BLOB NOT NULL) STRICT;
       CREATE INDEX jobs_by_state ON jobs(state, created) WHERE tombstone = 0;
       CREATE INDEX jobs_unfinished ON jobs(created) WHERE unfinished = 1 AND tombstone = 0;
       CREATE INDEX tombstones ON jobs(created) WHERE tombstone = 1;
       CREATE TABLE fixed(no INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
       CREATE TABLE chunks(key INTEGER PRIMARY KEY, lines BLOB NOT NULL) STRICT;)";

bool is_tombstone(int i) {
  return i % 7 == 6;
}

std::string labels_of(int i) {
  return i % 3 == 0 ? "" : "\nbranch=b" + std::to_string(i % 5) + "\nteam=core\n";
}

}  // namespace

domed::JobRecord expected_of_layout_1(int i) {
  domed::JobRecord job;
  job.job_id = std::string("job\0-", 5) + std::to_string(i);
  job.tombstone = is_tombstone(i);
  job.head_seq = 10;
  job.first_seq = job.tombstone ? 11 : 1 + static_cast<std::uint64_t>(i % 4);
  job.columns.created = 1'000'000 + i;
  job.columns.unfinished = i % 2 == 0 && !job.tombstone;
  job.columns.state = job.columns.unfinished ? "running" : "succe\xff\xc3";
  if (i % 4 != 0) job.columns.tags.push_back("tool=make");
  if (i % 3 != 0) {
    job.columns.tags.push_back("label:branch=b" + std::to_string(i % 5));
    job.columns.tags.push_back("label:team=core");
  }
  job.head = "\1head\xfe of " + std::to_string(i);
  if (!job.tombstone) job.fixed = "{\"fixed\":" + std::string(i % 50 * 100, 'f') + '}';
  return job;
}

// Two chunks, the first of which may begin behind seq 1.
std::string lines_of_layout_1(int i) {
  const auto job = expected_of_layout_1(i);
  std::string lines;
  for (std::uint64_t seq = job.first_seq; seq <= job.head_seq; ++seq)
    lines += "line " + std::to_string(seq) + " of " + std::to_string(i) + '\n';
  return lines;
}

void make_layout_1(const std::string& path, int jobs) {
  write_file(path, "");
  Connection connection(path);
  connection.run("PRAGMA page_size = 4096; PRAGMA auto_vacuum = NONE; PRAGMA journal_mode = WAL");
  domed::sqlite::Transaction transaction(connection, domed::sqlite::Transaction::Kind::write);
  connection.run(kLayout1);
  connection.run("PRAGMA application_id = 1146047813; PRAGMA user_version = 1");
  for (int i = 0; i < jobs; ++i) {
    const auto job = expected_of_layout_1(i);
    const std::int64_t no = i + 1;
    const std::string labels = labels_of(i), tool = i % 4 == 0 ? "" : "make";
    connection
        .query("INSERT INTO jobs VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", no, Blob{job.job_id},
               job.columns.created, static_cast<std::int64_t>(job.first_seq),
               static_cast<std::int64_t>(job.head_seq), std::int64_t{job.tombstone},
               std::int64_t{job.columns.unfinished}, Text{job.columns.state}, Text{tool},
               Text{labels}, Blob{job.head})
        .run();
    if (job.tombstone) continue;
    connection.query("INSERT INTO fixed VALUES(?, ?)", no, Blob{job.fixed}).run();
    const std::string lines = lines_of_layout_1(i);
    const std::size_t cut = lines.find("line 6");
    const std::int64_t first = no << 32 | static_cast<std::int64_t>(job.first_seq);
    connection
        .query("INSERT INTO chunks VALUES(?, ?)", first,
               Blob{std::string_view(lines).substr(0, cut)})
        .run();
    connection
        .query("INSERT INTO chunks VALUES(?, ?)", no << 32 | 6,
               Blob{std::string_view(lines).substr(cut)})
        .run();
  }
  transaction.commit();
}

}  // namespace store_tests
