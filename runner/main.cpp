// domed-runner DIR: supervises one job.  What that is it reads at descriptor 3, a
// file without a name (runner/spec.h): it has tokens in it, which no file that has one may
// hold.  For their sake nobody may look into this process either.  It is
// started by the daemon and survives it.  DIR afterwards holds, until the
// daemon removes it:
//   lock         flocked while this process lives: a second runner of the same job leaves at once
//   runner.json  {"pid","start_time","boot_id"} of this process
//   spool        what the job said, see spool.h
//   tty          a socket, where the command has a terminal, see typing.h
//   stdin        what the command reads, where its request brought it as bytes
//   child.json   as runner.json, of the command, its "pgid" and the inodes of its "pipes", signed
// They are made in this order, and DIR is used once: a runner that finds a spool or a child.json
// refuses, since no command runs twice (Restart).  Where there is no child.json the command was
// not started, or the runner died before it could say so; what is left of it is then found by
// its environment (docs/contract.md, What belongs to a run).
//
// Rejected: one file with all of it, rewritten at each step (a kill while it is written would
// leave none); a pid alone (it is given to others, and a reboot starts anew: hence start time
// and boot id); the daemon as the command's parent (it would have to live as long: Restart).
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>

#include "base/exit_code.h"
#include "base/unsignalled.h"
#include "domed/error.h"
#include "runner/exec.h"
#include "runner/files.h"
#include "runner/process.h"
#include "runner/supervisor.h"

namespace domed {
namespace {

// Secrecy first: the descriptor can be read by way of /proc until then.  What this process
// executes later is as any other again.  Signals then: every thread inherits the mask, nng's too.
void become_supervisor() {
  if (prctl(PR_SET_DUMPABLE, 0) != 0) throw_errno("cannot keep others out of this process");
  block_signals();
  umask(077);
  setsid();  // fails where this leads a group already, which is as good
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) throw_errno("cannot become a child subreaper");
}

// The daemon raised its own limit; a job gets what the daemon was started with.
void lower_descriptor_limit(std::uint64_t files) {
  rlimit limit{};
  if (files == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(files, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
}

int supervise(const std::string& directory) {
  become_supervisor();
  const Fd source(kSpecDescriptor);
  const auto lock = lock_own(directory + "/lock");
  if (!lock) return 0;  // another runner has this job
  if (!*lock) throw Error(Code::not_found, directory + " is not there any more");
  if (exists(directory + "/spool") || exists(directory + "/child.json"))
    throw Error(Code::conflict, directory +
                                    " was run already, and no command runs twice: the "
                                    "daemon delivers its spool and removes it");
  const std::string name = "descriptor " + std::to_string(kSpecDescriptor);
  Spec spec = parse_spec(read_all(source.get(), name), name);
  lower_descriptor_limit(spec.open_files);
  write_own(directory + "/runner.json", identity_json(identify(getpid())).dump() + "\n");
  // Never destroyed: its threads may be waiting for a daemon that is away.
  static auto* supervisor = new Supervisor(std::move(spec), directory);
  return supervisor->run();
}

int run(int argc, char** argv) {
  if (argc > 2 && std::string(argv[1]) == kExecWord) return exec_limited(argv + 2);
  if (argc != 2 || argv[1][0] != '/') {
    std::fprintf(
        stderr,
        "usage: domed-runner DIR\n"
        "DIR is absolute, and descriptor 3 tells the job; the daemon starts this program.\n");
    return kUsage;
  }
  try {
    return supervise(argv[1]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "domed-runner: %s\n", e.what());
    return 1;
  }
}

}  // namespace
}  // namespace domed

int main(int argc, char** argv) {
  const int code = domed::run(argc, argv);
  std::fflush(stderr);
  _exit(code);  // the lock goes with the process, whatever its threads are at
}
