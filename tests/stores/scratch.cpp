#include "scratch.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

namespace store_tests {

SqliteTest::SqliteTest(const std::filesystem::path& parent) {
  std::string name = (parent / "domed-stores-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch directory");
  directory_ = name;
}

SqliteTest::~SqliteTest() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::unique_ptr<domed::StoreSqlite> SqliteTest::open() const {
  domed::StoreSqlite::Settings settings;
  settings.path = path();
  return std::make_unique<domed::StoreSqlite>(settings);
}

void SqliteTest::with_sqlite(const std::string& sql) const {
  if (!std::filesystem::exists(path())) write_file(path(), "");
  domed::sqlite::Connection connection(path());
  connection.run(sql);
}

std::string new_revision() {
  static std::uint64_t last = 0;
  std::string revision(domed::kRevisionBytes, '\0');
  ++last;
  std::memcpy(revision.data(), &last, sizeof last);
  return revision;
}

std::string revision_of(const domed::Store& store, const std::string& job_id) {
  const auto job = store.find(job_id);
  return job ? job->revision : std::string();
}

domed::Outcome append(domed::Store& store, const std::string& job_id, std::uint64_t head,
                      std::size_t count, std::size_t size) {
  static std::int64_t created = 0;
  std::string events;
  std::vector<std::uint32_t> ends;
  for (std::size_t i = 1; i <= count; ++i) {
    events += std::string(size, static_cast<char>('a' + (head + i) % 26)) + '\n';
    ends.push_back(static_cast<std::uint32_t>(events.size()));
  }
  const std::string expected = head == 0 ? std::string() : revision_of(store, job_id);
  const std::string revision = new_revision();
  const domed::Entry entry{.job_id = job_id,
                           .expected_revision = expected,
                           .revision = revision,
                           .base = head,
                           .events = events,
                           .ends = ends,
                           .head = "head",
                           .columns = {.created = ++created}};
  return store.commit({&entry, 1}).at(0);
}

std::uint64_t head_of(const domed::Store& store, const std::string& job_id) {
  const auto job = store.find(job_id);
  return job ? job->head_seq : 0;
}

void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void expect_part(const std::string& part, const std::string& text) {
  EXPECT_NE(std::string::npos, text.find(part)) << "'" << part << "' is not in: " << text;
}

}  // namespace store_tests
