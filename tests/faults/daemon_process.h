#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>
#include <vector>

namespace domed::faults {

// The real daemon in a process of its own, on sockets and state below one
// directory, to be killed and started again.
class DaemonProcess {
 public:
  struct Settings {
    std::string bin, plugins, store;  // directories of the build, and a store's name
    std::string directory;
    std::string database;  // where store-sqlite keeps its file; empty: below state_dir
    std::string jobs = "cancel_grace: 1s, drain: 300ms";
    std::string store_options;  // as YAML, where no "database" is given
    std::string more;           // further sections of the deployment
  };
  explicit DaemonProcess(Settings settings);
  ~DaemonProcess();
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  // Returns when it answers; throws std::runtime_error with its last words.
  void start();
  // Starts it, and returns before it can answer.
  void begin();
  bool answers() const;
  // Whether it is gone, by itself or by end().
  bool ended();
  // Returns when it is gone.
  void end(int signal = SIGKILL);
  // SIGSTOP and SIGCONT: it is there, and does nothing.
  void send(int signal) const { kill(pid_, signal); }

  std::string control() const { return "ipc://" + run_directory() + "/control.ipc"; }
  std::string run_directory() const { return settings_.directory + "/run"; }
  std::string state_directory() const { return settings_.directory + "/state"; }
  // What it wrote to its log, the last part.
  std::string last_words() const;
  // The runner of a job; 0 where there is none.
  pid_t runner(const std::string& run_id) const;

 private:
  const Settings settings_;
  pid_t pid_ = 0;
};

// A child process running "arguments", its outputs appended to two files.
pid_t spawn(const std::vector<std::string>& arguments, const std::string& out,
            const std::string& err);

}  // namespace domed::faults
