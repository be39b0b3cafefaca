#include "watcher.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

namespace domed::postgres {
namespace {

using namespace std::chrono_literals;

// Of one answer; whoever has missed more looks at everything.
constexpr int kMostChanges = 10'000;
// Below the second within which a change is told, notified or not.
constexpr auto kLook = 800ms;

constexpr Statement kScan{
    "scan",
    "WITH now AS MATERIALIZED (SELECT pg_current_snapshot() AS at) "
    "SELECT convert_to(now.at::text, 'UTF8'), j.job_id, j.revision, j.head_seq, j.state FROM now "
    "LEFT JOIN (SELECT * FROM jobs WHERE changed >= pg_snapshot_xmin($1::text::pg_snapshot) "
    "AND NOT pg_visible_in_snapshot(changed, $1::text::pg_snapshot) "
    "ORDER BY changed LIMIT 10001) j ON true"};
constexpr Statement kNow{"now", "SELECT convert_to(pg_current_snapshot()::text, 'UTF8')"};

// xmin:xmax:xip,xip...
bool is_snapshot(std::string_view text) {
  if (std::count(text.begin(), text.end(), ':') != 2 || text.size() > 100'000) return false;
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isdigit(c) || c == ':' || c == ','; });
}

}  // namespace

std::string channel_of(const std::string& schema) {
  return "domed " + schema.substr(0, 50);  // 63 bytes at most
}

Watcher::Watcher(Server& server)
    : server_(server), interrupts_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (interrupts_ < 0) throw Error(Code::exhausted, "store-postgres: no descriptor is left");
}

Watcher::~Watcher() {
  ::close(interrupts_);
}

Changes Watcher::wait(const std::string& cursor, std::chrono::milliseconds timeout) {
  const Deadline end = SteadyClock::now() + std::min<std::chrono::milliseconds>(timeout, 24h);
  Changes told = look(cursor);
  while (told.changes.empty() && !told.gap && !was_interrupted() && SteadyClock::now() < end) {
    try {
      // What came while the last look waited for its answer is here already.
      if (!connection_->notified())
        connection_->rest(interrupts_, std::min(end, SteadyClock::now() + kLook));
    } catch (const Lost&) {
      connection_.reset();  // the next look makes another one, or says that the server is away
    }
    told = look(told.cursor);
  }
  return told;
}

void Watcher::interrupt() {
  const std::uint64_t one = 1;
  if (::write(interrupts_, &one, sizeof one) < 0) return;  // full: it is interrupted
}

bool Watcher::was_interrupted() {
  std::uint64_t count = 0;
  return ::read(interrupts_, &count, sizeof count) > 0;
}

Changes Watcher::look(const std::string& cursor) {
  const Deadline deadline = server_.deadline();
  std::string snapshot(snapshot_in(cursor));
  for (;;) {
    const bool is_new = !connection_;
    if (is_new) connect(deadline);
    try {
      Changes told = scan(snapshot, deadline);
      if (snapshot.empty() && !cursor.empty()) told.gap = true;
      return told;
    } catch (const Refused& refused) {
      if (snapshot.empty() || refused.state() != "22P02") throw;
      snapshot.clear();  // it only looked like one
    } catch (const Lost& lost) {
      connection_.reset();
      if (is_new) throw server_.away(lost);
    }
  }
}

void Watcher::connect(Deadline deadline) {
  auto connection = server_.connect(deadline);
  try {
    connection->run("LISTEN \"" + channel_of(server_.settings().schema) + '"', {}, deadline);
  } catch (const Lost& lost) {
    throw server_.away(lost);
  }
  connection_ = std::move(connection);
}

// Without a snapshot: where things stand now.
Changes Watcher::scan(const std::string& snapshot, Deadline deadline) {
  const Rows rows = snapshot.empty() ? connection_->run(kNow, {}, deadline)
                                     : connection_->run(kScan, Values().bytes(snapshot), deadline);
  Changes told;
  told.cursor = server_.incarnation() + ':' + rows.text(0, 0);
  if (snapshot.empty() || rows.is_null(0, 1)) return told;
  told.gap = rows.size() > kMostChanges;
  for (int row = 0; row < rows.size() && !told.gap; ++row)
    told.changes.push_back({rows.text(row, 1), rows.text(row, 2),
                            static_cast<std::uint64_t>(rows.number(row, 3)), rows.text(row, 4)});
  return told;
}

// Empty where "cursor" is not one of this history.
std::string_view Watcher::snapshot_in(std::string_view cursor) const {
  const std::string begin = server_.incarnation() + ':';
  if (!cursor.starts_with(begin)) return {};
  cursor.remove_prefix(begin.size());
  return is_snapshot(cursor) ? cursor : std::string_view();
}

}  // namespace domed::postgres
