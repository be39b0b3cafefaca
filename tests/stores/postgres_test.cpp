#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "domed/store_rules.h"
#include "scratch.h"
#include "store-postgres/settings.h"
#include "store-postgres/store_postgres.h"

// What is particular to store-postgres, on the server that with_postgres.sh has started for these
// tests alone.
namespace store_tests {
namespace {

using namespace std::chrono_literals;
using domed::Code;
using domed::Durability;
using domed::Outcome;
using domed::StorePostgres;
using domed::postgres::Connection;
using domed::postgres::Settings;
using domed::postgres::SteadyClock;

const std::string& place() {
  static const std::string path =
      std::getenv("DOMED_POSTGRES") ? std::getenv("DOMED_POSTGRES") : "";
  return path;
}

domed::postgres::Parameters parameters() {
  return {{"host", place()}, {"user", "domed"}, {"dbname", "postgres"}};
}

// A schema for each test, dropped with it, and a second pair of hands on the server.
class Postgres : public ::testing::Test {
 protected:
  void SetUp() override {
    if (place().empty()) GTEST_SKIP() << "no server: run by tests/stores/with_postgres.sh";
    static int tests = 0;
    schema_ = "test" + std::to_string(++tests);
    hands_ = hands();
  }
  void TearDown() override {
    if (place().empty()) return;
    sql("ALTER SYSTEM RESET ALL");
    reload();
    sql("DROP SCHEMA IF EXISTS " + schema_ + " CASCADE");
  }

  static std::unique_ptr<Connection> hands() {
    return std::make_unique<Connection>(parameters(), SteadyClock::now() + 60s);
  }
  // The first column of the first row, or "".
  std::string sql(const std::string& text) {
    const auto rows = hands_->run(text, {}, SteadyClock::now() + 60s);
    return rows.size() == 0 || rows.is_null(0, 0) ? "" : rows.text(0, 0);
  }
  // Until "condition" holds on the server.
  void wait_for(const std::string& condition) {
    const auto end = SteadyClock::now() + 60s;
    while (sql("SELECT (" + condition + ")::text") != "true") {
      ASSERT_LT(SteadyClock::now(), end) << condition;
      std::this_thread::sleep_for(5ms);
    }
  }
  void reload() { sql("SELECT pg_reload_conf()::text"); }
  void set(const std::string& name, const std::string& value) {
    sql("ALTER SYSTEM SET " + name + " = '" + value + "'");
    reload();
    wait_for("current_setting('" + name + "') = '" + value + "'");
  }
  static void control(const std::string& command) {
    ASSERT_EQ(0, std::system(("'" + place() + "/control' " + command).c_str()));
  }

  Settings settings() const {
    Settings settings;
    settings.parameters = parameters();
    settings.schema = schema_;
    settings.patience = 60s;
    settings.log = [this](domed::Level, const std::string& line) {
      const std::lock_guard lock(log_mutex_);
      log_ += line + '\n';
    };
    return settings;
  }
  std::unique_ptr<StorePostgres> open() const {
    return std::make_unique<StorePostgres>(settings());
  }
  std::unique_ptr<StorePostgres> open_impatient() const {
    Settings hasty = settings();
    hasty.patience = 3s;
    return std::make_unique<StorePostgres>(hasty);
  }

  std::string schema_;
  std::unique_ptr<Connection> hands_;
  std::string logged() const {
    const std::lock_guard lock(log_mutex_);
    return log_;
  }

  mutable std::mutex log_mutex_;
  mutable std::string log_;
};

TEST_F(Postgres, DeclaresWhatTheServerKeeps) {
  EXPECT_EQ(Durability::power, open()->durability());
  set("synchronous_commit", "off");
  EXPECT_EQ(Durability::none, open()->durability());
  expect_part("synchronous_commit is off", logged());
}

TEST_F(Postgres, StopsAcknowledgingWhatTheServerKeepsNoMore) {
  const auto store = open();
  EXPECT_EQ(Outcome::done, append(*store, "j", 0, 1));
  set("synchronous_commit", "off");
  // Its session hears of it with what it is sent next.
  EXPECT_EQ(Outcome::unknown, append(*store, "k", 0, 1));
  expect_part("synchronous_commit is off", error_of([&] { store->find("k"); }).what());
  EXPECT_EQ(Code::io, error_of([&] { append(*store, "l", 0, 1); }).code());
  EXPECT_EQ(Code::io, error_of([&] { store->acquire("n", "a", 1s, ""); }).code());
  sql("ALTER SYSTEM RESET synchronous_commit");
  reload();
  wait_for("current_setting('synchronous_commit') = 'on'");
  EXPECT_EQ(1u, head_of(*store, "k"));
  EXPECT_EQ(Outcome::done, append(*store, "l", 0, 1));
  EXPECT_TRUE(store->acquire("n", "a", 1s, ""));
}

// The standby that a commit waits for never comes, and somebody cancels the wait: the server says
// "COMMIT", and a warning beside it.
TEST_F(Postgres, TakesASuccessWithAWarningForUnknown) {
  const auto store = open();
  EXPECT_EQ(Outcome::done, append(*store, "first", 0, 1));  // so that it is connected
  set("synchronous_standby_names", "nobody");
  Outcome outcome = Outcome::done;
  std::thread commit([&] { outcome = append(*store, "j", 0, 1); });
  wait_for("EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')");
  sql("SELECT count(pg_cancel_backend(pid))::text FROM pg_stat_activity WHERE wait_event = "
      "'SyncRep'");
  commit.join();
  EXPECT_EQ(Outcome::unknown, outcome);
  // It is there, and on one machine alone: until a commit of our own is where it should be, nobody
  // sees it.
  std::atomic<std::uint64_t> head{0};
  std::thread reader([&] { head = head_of(*store, "j"); });
  wait_for("EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')");
  EXPECT_EQ(0u, head.load());
  sql("ALTER SYSTEM RESET synchronous_standby_names");
  reload();
  reader.join();
  EXPECT_EQ(1u, head.load());
}

// What the server was at when it did not answer is over before anything is read.
TEST_F(Postgres, EndsACommitThatIsUnknownBeforeItReads) {
  const auto store = open_impatient();
  EXPECT_EQ(Outcome::done, append(*store, "j", 0, 1));
  const auto before = revision_of(*store, "j");
  const auto other = hands();
  other->run("BEGIN", {}, SteadyClock::now() + 60s);
  other->run("SELECT 1 FROM " + schema_ + ".jobs FOR UPDATE", {}, SteadyClock::now() + 60s);
  EXPECT_EQ(Outcome::unknown, append(*store, "j", 1, 1));  // it waits for the row
  EXPECT_EQ(before, revision_of(*store, "j"));
  other->run("ROLLBACK", {}, SteadyClock::now() + 60s);
  EXPECT_EQ(before, revision_of(*store, "j")) << "it was done after all";
  EXPECT_EQ(Outcome::done, append(*store, "j", 1, 1));
}

TEST_F(Postgres, GoesOnOverLostConnectionsThatWereIdle) {
  const auto store = open();
  EXPECT_EQ(Outcome::done, append(*store, "j", 0, 1));
  EXPECT_EQ(1u, head_of(*store, "j"));
  const std::string lost =
      sql("SELECT coalesce(string_agg(pid::text, ','), '0') FROM pg_stat_activity WHERE pid <> "
          "pg_backend_pid() AND backend_type = 'client backend'");
  ASSERT_NE("0", lost);
  sql("SELECT count(pg_terminate_backend(pid))::text FROM pg_stat_activity WHERE pid IN (" + lost +
      ")");
  // Others may have come: who announces a commit connects when there is one.
  wait_for("NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid IN (" + lost + "))");
  EXPECT_EQ(1u, head_of(*store, "j"));
  EXPECT_EQ(Outcome::done, append(*store, "j", 1, 1));
}

TEST_F(Postgres, SaysThatTheServerIsAway) {
  const auto store = open();
  EXPECT_EQ(Outcome::done, append(*store, "j", 0, 1));
  hands_.reset();
  control("-m fast stop");
  for (int i = 0; i < 5; ++i) {
    const auto away = error_of([&] { store->find("j"); });
    EXPECT_EQ(Code::io, away.code());
    expect_part("the server does not answer", away.what());
    EXPECT_EQ(Code::io, error_of([&] { append(*store, "j", 1, 1); }).code());
    EXPECT_EQ(Code::io, error_of([&] { store->wait("", 0ms); }).code());
    EXPECT_EQ(Code::io, error_of([&] { store->held(""); }).code());
  }
  control("start");
  hands_ = hands();
  expect_part("the server does not answer", logged());
}

TEST_F(Postgres, GoesOnWhenTheServerIsBack) {
  const auto store = open();
  EXPECT_EQ(Outcome::done, append(*store, "j", 0, 1));
  const std::string cursor = store->wait("", 0ms).cursor;
  hands_.reset();
  control("-m immediate stop");
  error_of([&] { store->find("j"); });
  control("start");
  hands_ = hands();
  const auto end = SteadyClock::now() + 60s;
  std::uint64_t head = 0;
  while (head == 0 && SteadyClock::now() < end) try {
      head = head_of(*store, "j");
    } catch (const domed::Error&) {
    }
  EXPECT_EQ(1u, head);
  EXPECT_EQ(Outcome::done, append(*store, "j", 1, 1));
  const auto told = store->wait(cursor, 60s);
  EXPECT_TRUE(told.gap || !told.changes.empty());
  expect_part("the server answers again", logged());
}

// Tables that were copied to a server with another past.
TEST_F(Postgres, IsStaleUnderAnotherHistory) {
  const auto store = open();
  const std::string incarnation = store->incarnation();
  sql("UPDATE " + schema_ + ".meta SET value = 'another' WHERE name = 'history'");
  sql("SELECT count(pg_terminate_backend(pid))::text FROM pg_stat_activity WHERE pid <> "
      "pg_backend_pid() AND backend_type = 'client backend'");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Code::stale, error_of([&] { store->find("j"); }).code());
    EXPECT_EQ(Code::stale, error_of([&] { append(*store, "j", 0, 1); }).code());
    EXPECT_EQ(Code::stale, error_of([&] { store->renew("n", "a", 1s, ""); }).code());
    EXPECT_EQ(Code::stale, error_of([&] { store->wait("", 0ms); }).code());
  }
  EXPECT_NE(incarnation, open()->incarnation());
}

TEST_F(Postgres, RefusesANewerLayout) {
  open();
  sql("UPDATE " + schema_ + ".meta SET value = '99' WHERE name = 'layout'");
  const auto refused = error_of([&] { open(); });
  EXPECT_EQ(Code::unsupported, refused.code());
  expect_part("layout 99", refused.what());
}

TEST_F(Postgres, MayBeMadeBySeveralAtOnce) {
  std::vector<std::thread> openers;
  for (int i = 0; i < 4; ++i)
    openers.emplace_back([&] {
      Settings quiet = settings();
      quiet.log = [](domed::Level, const std::string&) {};
      EXPECT_NO_THROW(StorePostgres{quiet});
    });
  for (std::thread& opener : openers) opener.join();
}

TEST_F(Postgres, NamesWhatTheServerRefusesWithoutShowingIt) {
  const auto store = open();
  sql("ALTER TABLE " + schema_ + ".jobs ADD CHECK (length(head) < 5)");
  const std::string revision = new_revision(), secret = "a secret of a job";
  const domed::Entry entry{.job_id = "j", .revision = revision, .events = "x\n", .head = secret};
  const std::uint32_t end = 2;
  domed::Entry whole = entry;
  whole.ends = {&end, 1};
  const auto refused = error_of([&] { store->commit({&whole, 1}); });
  EXPECT_EQ(std::string::npos, std::string(refused.what()).find(secret));
  EXPECT_EQ(std::string::npos, std::string(refused.what()).find("6120736563726574"));
}

// The options of a deployment.
struct Given final : domed::Options {
  explicit Given(std::string address) : url(std::move(address)) {}
  std::string text(std::string_view name) const override {
    if (name == "url") return url;
    return name == "sslmode" ? "url" : name == "schema" ? "domed" : "";
  }
  std::int64_t integer(std::string_view) const override { return 4; }
  bool boolean(std::string_view) const override { return false; }
  std::chrono::milliseconds duration(std::string_view) const override { return 1s; }
  std::uint64_t size(std::string_view) const override { return 0; }
  std::vector<std::string> list(std::string_view) const override { return {}; }
  std::string url;
};
struct Quiet final : domed::Host {
  void log(domed::Level, std::string_view) noexcept override {}
};

TEST(PostgresOptions, TakeNoPasswordInTheUrl) {
  Quiet host;
  for (const char* url : {"postgresql://me:hidden@db/domed", "host=db password=hidden"}) {
    const auto refused = error_of([&] { domed::postgres::settings_of(Given(url), host); });
    EXPECT_EQ(Code::invalid_argument, refused.code());
    EXPECT_EQ(std::string::npos, std::string(refused.what()).find("hidden"));
  }
}

TEST(PostgresOptions, NameAUrlThatIsNone) {
  Quiet host;
  const auto refused =
      error_of([&] { domed::postgres::settings_of(Given("postgresql://[broken"), host); });
  EXPECT_EQ(Code::invalid_argument, refused.code());
  expect_part("'url'", refused.what());
}

}  // namespace
}  // namespace store_tests
