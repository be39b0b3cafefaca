#include "daemon_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "client/client.h"

extern char** environ;

namespace domed::faults {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;
constexpr std::size_t kLastWords = 4000;

}  // namespace

pid_t spawn(const std::vector<std::string>& arguments, const std::string& out,
            const std::string& err) {
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 1, out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_addopen(&files, 2, err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, argv[0], &files, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0)
    throw std::runtime_error("cannot run " + arguments[0] + ": " + std::strerror(error));
  return pid;
}

DaemonProcess::DaemonProcess(Settings settings) : settings_(std::move(settings)) {
  std::filesystem::create_directories(settings_.directory);
  std::filesystem::create_directory(run_directory());
  std::filesystem::permissions(run_directory(), std::filesystem::perms::owner_all);
  std::string options = settings_.store_options;
  if (!settings_.database.empty()) options = "path: \"" + settings_.database + "\"";
  if (!options.empty()) options = ", options: { " + options + " }";
  std::ofstream(settings_.directory + "/domed.yaml")
      << "domed: 1\n"
      << "control: { listen: [\"" << control() << "\"] }\n"
      << "events: { listen: [\"ipc://" << run_directory() << "/events.ipc\"] }\n"
      << "state_dir: " << state_directory() << "\n"
      << "plugin_path: [" << std::filesystem::absolute(settings_.plugins).string() << "]\n"
      << "store: { plugin: " << settings_.store << options << " }\n"
      << "jobs: { allow_ad_hoc: true, " << settings_.jobs << " }\n"
      << settings_.more;
}

DaemonProcess::~DaemonProcess() {
  if (pid_ > 0) end(SIGTERM);
}

bool DaemonProcess::ended() {
  if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
  return pid_ == 0;
}

void DaemonProcess::begin() {
  pid_ = spawn({settings_.bin + "/domed", "--config", settings_.directory + "/domed.yaml"},
               settings_.directory + "/log", settings_.directory + "/log");
}

bool DaemonProcess::answers() const {
  CallOptions options;
  options.await_daemon = true;
  options.deadline = 1s;
  try {
    Client(control()).call("Health", Json::object(), options);
    return true;
  } catch (const ApiError&) {
    return false;
  }
}

void DaemonProcess::start() {
  begin();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline && !ended())
    if (answers()) return;
  throw std::runtime_error("the daemon does not serve: " + last_words());
}

void DaemonProcess::end(int signal) {
  if (pid_ == 0) return;
  kill(pid_, signal);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

std::string DaemonProcess::last_words() const {
  std::ifstream file(settings_.directory + "/log");
  std::stringstream text;
  text << file.rdbuf();
  const std::string all = text.str();
  return all.size() <= kLastWords ? all : all.substr(all.size() - kLastWords);
}

pid_t DaemonProcess::runner(const std::string& run_id) const {
  std::ifstream file(state_directory() + "/runs/" + run_id + "/runner.json");
  const Json json = Json::parse(file, nullptr, false);
  return json.is_object() ? json.value("pid", 0) : 0;
}

}  // namespace domed::faults
