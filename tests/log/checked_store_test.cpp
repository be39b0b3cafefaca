#include "log/checked_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "support/harness.h"

namespace domed {
namespace {

// A store whose answers a test damages.
class Tampered final : public Store {
 public:
  Durability durability() const noexcept override { return inner.durability(); }
  std::string incarnation() const override { return inner.incarnation(); }
  std::vector<Outcome> commit(std::span<const Entry> entries) override {
    return inner.commit(entries);
  }
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t events,
                            std::size_t bytes, Direction direction) const override {
    auto slice = inner.read(id, from, events, bytes, direction);
    if (slice) on_slice(*slice);
    return slice;
  }
  std::optional<JobRecord> find(std::string_view id) const override {
    auto record = inner.find(id);
    if (record) on_record(*record);
    return record;
  }
  JobPage list(const ListQuery& query) const override {
    auto page = inner.list(query);
    std::for_each(page.jobs.begin(), page.jobs.end(), on_record);
    return page;
  }

  test::Scratch scratch;
  std::unique_ptr<Store> plugin = test::open_store("store-memory", scratch.path());
  Store& inner = *plugin;
  std::function<void(Slice&)> on_slice = [](Slice&) {};
  std::function<void(JobRecord&)> on_record = [](JobRecord&) {};
};

constexpr char kHead[] = "\2\0head";  // format 2, every line sealed
const std::string kNewHead(kHead, sizeof kHead - 1);

class CheckedStoreTest : public testing::Test {
 protected:
  static std::string revision(char c) { return std::string(kRevisionBytes, c); }

  void append(Store& store, const std::string& id, std::uint64_t base,
              const std::vector<std::string>& lines, const std::string& head = kNewHead) {
    std::string events;
    std::vector<std::uint32_t> ends;
    for (const auto& line : lines) {
      events += line + '\n';
      ends.push_back(static_cast<std::uint32_t>(events.size()));
    }
    const std::string expected = revisions_[id], next = revision(++last_);
    Entry entry;
    entry.job_id = id;
    entry.expected_revision = expected;
    entry.revision = next;
    entry.base = base;
    entry.events = events;
    entry.ends = ends;
    entry.head = head;
    entry.fixed = R"({"job_id":"a"})";
    entry.columns = {.created = 1, .state = "queued", .unfinished = true, .tags = {}};
    ASSERT_EQ(store.commit({&entry, 1}), std::vector{Outcome::done});
    revisions_[id] = next;
  }

  std::string page(std::uint64_t from, std::size_t events = 100, std::size_t bytes = 1 << 20,
                   Direction direction = Direction::forward) const {
    const auto slice = checked_.read("a", from, events, bytes, direction);
    return slice ? slice->events : "none";
  }
  std::string error(const std::function<void()>& f) const {
    try {
      f();
    } catch (const Error& e) {
      return e.code() == Code::corruption ? e.what() : "another code";
    }
    return "no error";
  }

  Tampered tampered_;
  CheckedStore checked_{tampered_};
  std::map<std::string, std::string> revisions_;
  char last_ = 0;
};

TEST_F(CheckedStoreTest, gives_back_the_bytes_that_were_committed) {
  append(checked_, "a", 0, {"one", "two"});
  append(checked_, "a", 2, {"three"});
  const auto slice = checked_.read("a", 1, 100, 1 << 20, Direction::forward);
  ASSERT_TRUE(slice);
  EXPECT_EQ(slice->events, "one\ntwo\nthree\n");
  EXPECT_EQ(slice->ends, (std::vector<std::uint32_t>{4, 8, 14}));
  EXPECT_EQ(slice->from, 1u);
  EXPECT_EQ(slice->job.head, kNewHead);
  EXPECT_EQ(checked_.find("a")->fixed, R"({"job_id":"a"})");
  EXPECT_EQ(checked_.list({}).jobs.at(0).head, kNewHead);
}

// To ask for more than a page may have, and to drop what was too much, costs each page its share.
TEST_F(CheckedStoreTest, asks_the_store_for_no_byte_that_it_does_not_show) {
  const std::string line(99, 'x');
  append(checked_, "a", 0, {line, line, line, line});
  std::size_t read = 0;
  tampered_.on_slice = [&](const Slice& slice) { read = slice.ends.size(); };
  for (const auto direction : {Direction::forward, Direction::backward}) {
    const std::uint64_t from = direction == Direction::forward ? 1 : 5;
    for (const auto& [bytes, lines] :
         {std::pair{1, 1}, {215, 1}, {216, 2}, {323, 2}, {324, 3}, {1 << 20, 4}}) {
      EXPECT_EQ(page(from, 100, static_cast<std::size_t>(bytes), direction).size(), lines * 100u);
      EXPECT_EQ(read, static_cast<std::size_t>(lines)) << bytes;
    }
    EXPECT_EQ(page(from, 3, 1 << 20, direction).size(), 300u);
  }
  EXPECT_EQ(checked_.read("a", 5, 100, 216, Direction::backward)->from, 3u);
}

TEST_F(CheckedStoreTest, shows_no_bit_of_a_line_that_was_flipped) {
  append(checked_, "a", 0, {"one", "two", "three"});
  const std::size_t size = tampered_.inner.read("a", 1, 100, 1 << 20, {})->events.size();
  for (std::size_t byte = 0; byte < size; ++byte)
    for (int bit = 0; bit < 8; ++bit) {
      tampered_.on_slice = [&](Slice& slice) {
        slice.events[byte] = static_cast<char>(slice.events[byte] ^ 1 << bit);
      };
      const auto shown = [&](Direction direction) {
        try {
          return page(direction == Direction::forward ? 1 : 4, 100, 1 << 20, direction);
        } catch (const Error& e) {
          return std::string(e.code() == Code::corruption ? "" : "another code");
        }
      };
      // An LF is the store's own to find: the line before it has nothing else to lose.
      const std::string forward = shown(Direction::forward), backward = shown(Direction::backward);
      EXPECT_TRUE(std::string("one\ntwo\nthree\n").starts_with(forward)) << byte << ' ' << forward;
      EXPECT_TRUE(std::string("one\ntwo\nthree\n").ends_with(backward)) << byte << ' ' << backward;
    }
}

TEST_F(CheckedStoreTest, gives_what_is_good_before_the_damage_and_names_it_then) {
  append(checked_, "a", 0, {"one", "two", "three", "four"});
  tampered_.on_slice = [](Slice& slice) {
    const std::size_t at = slice.events.find("two");
    if (at != std::string::npos) slice.events[at] = 'T';
  };
  EXPECT_EQ(page(1), "one\n");
  EXPECT_NE(error([&] { page(2); }).find("event 2 of job 'a' is damaged"), std::string::npos);
  EXPECT_EQ(page(3), "three\nfour\n");
  EXPECT_EQ(page(5, 100, 1 << 20, Direction::backward), "three\nfour\n");
  EXPECT_NE(error([&] { page(3, 100, 1 << 20, Direction::backward); }).find("event 2 of job 'a'"),
            std::string::npos);
}

TEST_F(CheckedStoreTest, takes_no_good_line_for_that_of_another_seq_or_job) {
  append(checked_, "a", 0, {"same", "same", "other"});
  append(checked_, "b", 0, {"same", "same"});
  const auto one = tampered_.inner.read("a", 1, 1, 1 << 20, {})->events;
  const auto two = tampered_.inner.read("a", 2, 1, 1 << 20, {})->events;
  const auto foreign = tampered_.inner.read("b", 2, 1, 1 << 20, {})->events;
  for (const auto& wrong : {one, foreign}) {
    tampered_.on_slice = [&](Slice& slice) { slice.events.replace(two.size(), two.size(), wrong); };
    EXPECT_EQ(page(1), "same\n");
  }
}

TEST_F(CheckedStoreTest, leaves_nothing_of_a_head_or_fixed_that_was_changed) {
  append(checked_, "a", 0, {"one"});
  const auto whole = *tampered_.inner.find("a");
  for (std::size_t i = 0; i < whole.head.size(); ++i) {
    tampered_.on_record = [&](JobRecord& record) { record.head[i] ^= 4; };
    EXPECT_EQ(checked_.find("a")->head, "") << i;
    EXPECT_EQ(checked_.list({}).jobs.at(0).head, "") << i;
  }
  for (std::size_t i = 0; i < whole.fixed.size(); ++i) {
    tampered_.on_record = [&](JobRecord& record) { record.fixed[i] ^= 4; };
    EXPECT_EQ(checked_.find("a")->fixed, "") << i;
  }
  tampered_.on_record = [](JobRecord& record) { record.revision[3] ^= 1; };
  EXPECT_EQ(checked_.find("a")->head, "");
  tampered_.on_slice = [](Slice& slice) { slice.job.head.back() ^= 1; };
  EXPECT_NE(error([&] { page(1); }).find("the record of job 'a' is damaged"), std::string::npos);
}

TEST_F(CheckedStoreTest, takes_no_head_for_an_old_one_because_its_first_byte_was_hit) {
  append(checked_, "a", 0, {"one"});
  tampered_.on_record = [](JobRecord& record) { record.head[0] = '\1'; };
  EXPECT_EQ(checked_.find("a")->head, "");
  tampered_.on_slice = [](Slice& slice) { slice.job.head[0] = '\1'; };
  EXPECT_NE(error([&] { page(1); }).find("the record of job 'a' is damaged"), std::string::npos);
}

TEST_F(CheckedStoreTest, reads_a_log_that_has_no_seals_up_to_where_they_begin) {
  append(tampered_.inner, "a", 0, {"{old one}", "{old two}"}, "\1old head");
  EXPECT_EQ(page(1), "{old one}\n{old two}\n");
  EXPECT_EQ(checked_.find("a")->head, "\1old head");
  append(checked_, "a", 2, {"new"}, "\2\2new head");
  EXPECT_EQ(page(1), "{old one}\n{old two}\nnew\n");
  tampered_.on_slice = [](Slice& slice) { slice.events[slice.events.find("new")] = 'N'; };
  EXPECT_EQ(page(1), "{old one}\n{old two}\n");
}

}  // namespace
}  // namespace domed
