#include "runner/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "base/json.h"
#include "base/note.h"
#include "base/units.h"
#include "domed/error.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWindow = 8;  // batches in flight while output trickles
constexpr auto kPollTree = 20ms;    // while waiting for killed processes
constexpr auto kUnkillable = 1s;    // what may not be signalled gets no longer
constexpr auto kRetryDisk = 500ms;  // a full disk
constexpr auto kAway = 2s;          // a daemon that answers nothing for so long
constexpr auto kLastWords = 5s;     // when told to stop
// A daemon that forgets its jobs is then taken for dead.
constexpr std::chrono::milliseconds kAwayWithoutStore = 30s;

Fd make_signal_fd() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&set, signal);
  Fd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) throw_errno("signalfd");
  return fd;
}

Fd make_event_fd() {
  Fd fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) throw_errno("eventfd");
  return fd;
}

// What names a pipe in /proc/PID/fd.
std::uint64_t inode(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

}  // namespace

Supervisor::Supervisor(Spec spec, std::string directory)
    : spec_(std::move(spec)),
      directory_(std::move(directory)),
      wake_(make_event_fd()),
      signals_(make_signal_fd()),
      spool_(directory_ + "/spool"),
      outbox_(spec_, spool_),
      link_(spec_, spool_, [fd = wake_.get()] { eventfd_write(fd, 1); }),
      budget_{spec_.max_output},
      masks_(masks_of(spec_)),
      cgroup_(spec_.limits.cgroup),
      standstill_(cgroup_) {}

int Supervisor::run() {
  if (!announce()) return ended_refused();
  stop_ = wanted_stop();
  if (stop_ == Stop::none && start()) {
    capture();
    drain();
    end_streams();
    kill_rest();
  }
  if (daemon_lost_job()) return ended_refused();
  const auto status = exited_ ? std::optional(status_) : std::nullopt;
  // Everything that was started is over by now, so that nothing can follow the terminal event
  // (TerminalLast); the cgroup is asked before it is removed.
  const Ending ending{stop_, status, spawn_error_, lost_output_, cgroup_.ran_out_of_memory()};
  cgroup_.remove();
  // When the command ended, and not what it had started, or what was read of it afterwards.
  outbox_.add(encode_event("state_change", terminal_payload(spec_, ending)),
              exited_ ? exited_at_ : now_micros());
  return deliver();
}

// The command is started only after the daemon has committed `running`, so
// that no command runs twice; and, where others act on the store too, while it may go on as that
// answer says, counted from when it was first asked for: later they may take it for lost.
bool Supervisor::announce() {
  outbox_.add(encode_event("state_change", R"({"to":"running"})"), now_micros());
  while (!outbox_.close()) turn(Clock::now() + kRetryDisk);
  link_.send();
  while (spool_.unacknowledged() > 0 && wanted_stop() == Stop::none) turn(Clock::now() + 1s);
  link_.watch();
  return !daemon_lost_job();
}

bool Supervisor::start() {
  try {
    cgroup_.create(spec_.limits.memory, spec_.limits.processes);
    const bool terminal = spec_.terminal.rows > 0;
    if (terminal) typing_.emplace(directory_);
    Child child = spawn(spec_.command, job_environment(spec_), {spec_.cwd, spec_.cwd_below},
                        spec_.limits, input(), spec_.terminal, spec_.umask);
    child_ = child.pid;
    out_.emplace("stdout", std::move(child.out), budget_, masks_, spec_.progress_lines,
                 terminal ? Stream::kTerminalPatience : Stream::kPatience);
    if (child.err)
      err_.emplace("stderr", std::move(child.err), budget_, masks_, spec_.progress_lines);
  } catch (const std::runtime_error& e) {  // SpawnError, or Error of the input or cgroup
    spawn_error_ = e.what();
    return false;
  }
  const Process process = identify(child_);  // not reaped yet, so the pid is still its own
  if (spec_.timeout > 0ms) timeout_at_ = Clock::now() + spec_.timeout;
  return record_child(process);
}

Chosen Supervisor::input() const {
  if (spec_.stdin_bytes.empty()) return {spec_.stdin_path, spec_.stdin_below};
  write_own(directory_ + "/stdin", spec_.stdin_bytes);
  return directory_ + "/stdin";
}

// A command that a restarted daemon could not find again must not run on.
bool Supervisor::record_child(const Process& process) {
  try {
    Json note = identity_json(process);
    note["pgid"] = child_;
    note["pipes"] = Json::array();  // a terminal's other side cannot be told by it
    if (err_) note["pipes"] = {inode(out_->fd()), inode(err_->fd())};
    write_own(directory_ + "/child.json", signed_note(note, spec_.producer_token).dump() + "\n");
    return true;
  } catch (const Error& e) {
    spawn_error_ = std::string("the command was ended at once: ") + e.what();
  }
  out_.reset();
  err_.reset();
  kill_rest();
  return false;
}

void Supervisor::capture() {
  while (!exited_) {
    check_stop();
    check_pause();
    const bool killing = Clock::now() >= kill_at_;
    turn(killing ? Clock::now() + kPollTree
                 : std::min({kill_at_, timeout_at_, stop_at(), standstill_.next()}));
  }
  standstill_.release();  // what it left in the background is ended, or heard out, like any other
}

// Background children may hold the pipes for ever.  Time during which nothing
// can be read, because the daemon is away and the spool full, does not count; nor does
// time during which the machine sleeps.
void Supervisor::drain() {
  using Awake = std::chrono::steady_clock;
  auto deadline = Awake::now() + spec_.drain;
  while ((out_->open() || (err_ && err_->open())) && !daemon_lost_job()) {
    const bool waits = blocked() && !told_to_stop_;
    const auto left = deadline - Awake::now();
    if ((!waits && left <= 0s) || Clock::now() >= link_.stop_at()) return;
    turn(std::min(Clock::now() + std::max<Awake::duration>(left, 0s), link_.stop_at()));
    // From the end of the wait on, not from its begin: what could be read then may just have come
    // to be readable, and the command that wrote it is no background process.
    if (waits) deadline = Awake::now() + spec_.drain;
  }
}

void Supervisor::end_streams() {
  std::vector<EncodedEvent> events;
  std::uint64_t dropped = 0;
  typing_.reset();
  for (auto* stream : {&out_, &err_}) {
    if (!*stream) continue;
    (*stream)->finish(events);
    dropped += (*stream)->dropped();
  }
  outbox_.add(std::move(events), now_micros());
  if (dropped > 0) {
    lost_output_ = std::to_string(dropped) + " bytes of output above the limit of " +
                   std::to_string(spec_.max_output) + " were dropped";
    outbox_.add(encode_event("error", OrderedJson{{"error", "output_dropped"},
                                                  {"dropped", dropped},
                                                  {"limit", spec_.max_output},
                                                  {"message", lost_output_}}
                                          .dump()),
                now_micros());
  }
  pass_on(true);
}

// TERM, grace, KILL.  Orphans come to this process, so that no children means
// no descendants.
void Supervisor::kill_rest() {
  if (stop_ == Stop::none && signal_tree(SIGTERM) > 0) signal_tree(SIGCONT);
  auto kill_at = stop_ == Stop::none ? Clock::now() + spec_.cancel_grace : kill_at_;
  if (link_.stop_at() != Clock::time_point::max())
    kill_at = std::min(kill_at, link_.stop_at() + spec_.cancel_grace);
  for (auto last_seen = Clock::now();;) {
    reap();
    if (!tree_members().empty()) {
      last_seen = Clock::now();
    } else if (childless_ || Clock::now() - last_seen > kUnkillable) {
      return;
    }
    if (Clock::now() >= kill_at) kill_tree();
    turn(Clock::now() + kPollTree);
  }
}

void Supervisor::kill_tree() {
  cgroup_.kill();
  signal_tree(SIGKILL);
}

int Supervisor::deliver() {
  for (;;) {
    pass_on(true);
    if (outbox_.empty() && spool_.unacknowledged() == 0) return 0;
    if (link_.refusal()) return ended_refused();
    const auto away = link_.silence();
    if (away > spec_.give_up || forgotten() || (told_to_stop_ && away > kLastWords)) {
      std::fprintf(stderr, "the daemon has been away for %s; the end of the job is in the spool\n",
                   format_duration(away).c_str());
      leave_nothing();
      return 1;
    }
    turn(Clock::now() + kRetryDisk);
  }
}

// One wait for whatever happens first, and all of what happened.
void Supervisor::turn(Clock::time_point until) {
  const bool read = !blocked();
  const auto pipe = [read](const std::optional<Stream>& s) {
    return pollfd{read && s && s->open() ? s->fd() : -1, POLLIN, 0};
  };
  std::array<pollfd, 5 + Typing::kFds> fds{pollfd{wake_.get(), POLLIN, 0},
                                           pollfd{signals_.get(), POLLIN, 0}, pipe(out_),
                                           pipe(err_), pollfd{timer_.fd(), POLLIN, 0}};
  const std::span<pollfd, Typing::kFds> typing(fds.data() + 5, Typing::kFds);
  for (auto& fd : typing) fd.fd = -1;
  const int terminal = out_ && out_->open() ? out_->fd() : -1;
  if (typing_) typing_->prepare(typing, terminal);
  timer_.set(next_wake(until));
  if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) throw_errno("poll");
  eventfd_t ignored;
  if (fds[0].revents) eventfd_read(wake_.get(), &ignored);
  if (fds[1].revents) note_signals();
  reap();
  if (typing_) typing_->serve(typing, terminal);
  read_streams(fds[2].revents != 0, fds[3].revents != 0);
}

bool Supervisor::blocked() const {
  return outbox_.blocked(link_.silence() > kAway);
}

Supervisor::Clock::time_point Supervisor::next_wake(Clock::time_point until) const {
  if (blocked()) until = std::min(until, Clock::now() + kAway);
  if (outbox_.disk_refuses()) until = std::min(until, Clock::now() + kRetryDisk);
  if (!spec_.durable) until = std::min(until, Clock::now() + patience() / 4);
  for (const auto* stream : {&out_, &err_})
    if (*stream) until = std::min(until, (*stream)->flush_at());
  return until;
}

void Supervisor::read_streams(bool out_ready, bool err_ready) {
  std::vector<EncodedEvent> events;
  const bool out_idle = !out_ready || out_->read(events);
  const bool err_idle = !err_ready || err_->read(events);
  for (auto* stream : {&out_, &err_})
    if (*stream && Clock::now() >= (*stream)->flush_at()) (*stream)->flush(Clock::now(), events);
  if (stop_ != Stop::refused) outbox_.add(std::move(events), now_micros());
  pass_on(out_idle && err_idle);
}

// A batch is closed when nothing more can be read now, so that the first line
// of a silent job goes at once, and batches grow while the daemon is busy.
void Supervisor::pass_on(bool idle) {
  const bool room = spool_.unacknowledged() < kWindow;
  if ((idle && room) || outbox_.disk_refuses()) outbox_.close();
  link_.send();
}

void Supervisor::note_signals() {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
    if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) told_to_stop_ = true;
}

void Supervisor::reap() {
  for (;;) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    childless_ = pid < 0 && errno == ECHILD;
    if (pid <= 0) return;
    if (pid != child_ || exited_) continue;  // an orphan that came to us
    exited_ = true;
    exited_at_ = now_micros();
    status_ = status;
  }
}

// A store that is not durable forgets the job with its daemon.
std::chrono::milliseconds Supervisor::patience() const {
  return std::min(kAwayWithoutStore, spec_.give_up);
}

bool Supervisor::forgotten() const {
  return !spec_.durable && link_.silence() > patience();
}

bool Supervisor::daemon_lost_job() const {
  return link_.refusal() || forgotten();
}

// Once it is being ended there is nothing more to wait for.
Supervisor::Clock::time_point Supervisor::stop_at() const {
  return stop_ == Stop::none ? link_.stop_at() : Clock::time_point::max();
}

Stop Supervisor::wanted_stop() const {
  if (daemon_lost_job() || link_.sealed()) return Stop::refused;
  if (link_.cancel_requested()) return Stop::cancel;
  if (told_to_stop_) return Stop::told;
  if (Clock::now() >= link_.stop_at()) return Stop::lost;
  return Clock::now() >= timeout_at_ ? Stop::timeout : Stop::none;
}

void Supervisor::check_stop() {
  const Stop wanted = wanted_stop();
  if (stop_ == Stop::none && wanted != Stop::none) begin_stop(wanted);
  if (!exited_ && Clock::now() >= kill_at_) kill_tree();
}

// A job that ended by itself before this keeps its own result.  Its group is
// signalled in one step; the pid cannot be another's, for it is not reaped.
void Supervisor::begin_stop(Stop stop) {
  reap();
  if (exited_) return;
  stop_ = stop;
  timeout_at_ = Clock::time_point::max();
  kill_at_ = Clock::now() + spec_.cancel_grace;
  kill(-child_, SIGTERM);
  kill(-child_, SIGCONT);
  signal_tree(SIGTERM, child_);
  standstill_.release();  // with the signal waiting for it
}

// `Pause`.  Time in which it stands still is none of its timeout.
void Supervisor::check_pause() {
  if (stop_ != Stop::none || exited_) return;
  const bool paused = link_.paused();
  const auto now = Clock::now();
  if (paused && !paused_ && timeout_at_ != Clock::time_point::max()) {
    timeout_left_ = timeout_at_ - now;
    timeout_at_ = Clock::time_point::max();
  }
  if (paused && (!paused_ || standstill_.next() <= now)) standstill_.hold();
  if (!paused && paused_) {
    standstill_.release();
    if (timeout_left_) timeout_at_ = now + *std::exchange(timeout_left_, std::nullopt);
  }
  paused_ = paused;
}

// Where the store forgot the job with its daemon, nobody will ever come for what is
// left of it.
void Supervisor::leave_nothing() const {
  std::error_code ignored;
  if (!spec_.durable) std::filesystem::remove_all(directory_, ignored);
}

// 1 where the spool may still be of use to the daemon.
int Supervisor::ended_refused() const {
  const auto refusal = link_.refusal();
  if (!refusal || refusal->name() == "E_NOT_FOUND" || refusal->name() == "E_GONE") leave_nothing();
  if (!refusal) return 1;
  std::fprintf(stderr, "the daemon takes no more of this job: %s: %s\n", refusal->name().c_str(),
               refusal->what());
  const auto settled = {"E_SEALED", "E_NOT_FOUND", "E_GONE", "E_INVALID_TRANSITION"};
  return std::find(settled.begin(), settled.end(), refusal->name()) == settled.end() ? 1 : 0;
}

}  // namespace domed
