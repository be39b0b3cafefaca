#include "client/ctl/dsse.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/hash.h"
#include "domed/error.h"

namespace domed::ctl {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw Error(Code::io, "not signed: " + what);
}

// Files in memory, not pipes: whoever signs may take and give in any order.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : number_(::memfd_create(name, MFD_CLOEXEC)) {
    if (number_ < 0) fail(std::string("memfd_create: ") + std::strerror(errno));
  }
  ~MemoryFile() { ::close(number_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int number() const { return number_; }
  void write(const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t got = ::write(number_, bytes.data() + at, bytes.size() - at);
      if (got < 0) fail(std::strerror(errno));
      at += static_cast<std::size_t>(got);
    }
    ::lseek(number_, 0, SEEK_SET);
  }
  std::string read() {
    std::string out;
    char buffer[4096];
    ::lseek(number_, 0, SEEK_SET);
    for (ssize_t got; (got = ::read(number_, buffer, sizeof buffer)) > 0;)
      out.append(buffer, static_cast<std::size_t>(got));
    return out;
  }

 private:
  int number_;
};

std::string run_signer(const std::string& command, const std::string& bytes) {
  MemoryFile in("to sign"), out("signature");
  in.write(bytes);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.number(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out.number(), STDOUT_FILENO);
  std::string shell = "sh", option = "-c", text = command;
  char* words[] = {shell.data(), option.data(), text.data(), nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, "/bin/sh", &actions, nullptr, words, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error) fail(std::string("/bin/sh: ") + std::strerror(error));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("'" + command + "' failed");
  const std::string signature = out.read();
  if (signature.empty()) fail("'" + command + "' printed no signature");
  return signature;
}

}  // namespace

std::string pre_authentication(const std::string& type, const std::string& payload) {
  const auto part = [](const std::string& text) {
    return " " + std::to_string(text.size()) + " " + text;
  };
  return "DSSEv1" + part(type) + part(payload);
}

OrderedJson sign(const std::string& payload, const std::string& signer, const std::string& key_id) {
  OrderedJson signature{
      {"sig", to_base64(run_signer(signer, pre_authentication(kStatementType, payload)))}};
  if (!key_id.empty()) signature["keyid"] = key_id;
  return {{"payloadType", kStatementType},
          {"payload", to_base64(payload)},
          {"signatures", OrderedJson::array({signature})}};
}

}  // namespace domed::ctl
