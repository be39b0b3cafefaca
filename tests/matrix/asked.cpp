#include "asked.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <vector>

extern char** environ;

namespace domed::matrix {
namespace {

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment(const Shown& shown) {
  std::vector<std::string> out;
  for (char** at = environ; *at; ++at)
    if (std::strncmp(*at, "DOMED_", 6) != 0) out.emplace_back(*at);
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) out.push_back(name + "=" + value);
  };
  add("DOMED_CA", shown.authority);
  add("DOMED_CERT", shown.certificate.cert);
  add("DOMED_KEY", shown.certificate.key);
  add("DOMED_TOKEN", shown.token);
  return out;
}

}  // namespace

Asker::Asker(Client client, Does does, const std::string& url, const Shown& shown,
             std::chrono::milliseconds patience) {
  std::vector<std::string> words{ASKER, client == Client::stock ? "stock" : "ours",
                                 does == Does::ask ? "ask" : "hear", url,
                                 std::to_string(patience.count())};
  if (shown.user)
    for (const auto id : {shown.user->uid, shown.user->uid, shown.user->group})
      words.push_back(std::to_string(id));
  std::vector<std::string> variables = environment(shown);
  int to[2], from[2];
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
    throw std::runtime_error("cannot make pipes");
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, to[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, from[1], STDOUT_FILENO);
  const int error = posix_spawn(&pid_, ASKER, &files, nullptr, pointers(words).data(),
                                pointers(variables).data());
  posix_spawn_file_actions_destroy(&files);
  close(to[0]);
  close(from[1]);
  in_ = fdopen(to[1], "w");
  out_ = fdopen(from[0], "r");
  if (error != 0) throw std::runtime_error(std::string("cannot run " ASKER ": ") + strerror(error));
}

Asker::~Asker() {
  std::fclose(in_);
  std::fclose(out_);
  waitpid(pid_, nullptr, 0);
}

Json Asker::ask(const std::string& method, const Json& params) {
  const std::string line = Json{{"method", method}, {"params", params}}.dump() + "\n";
  std::fputs(line.c_str(), in_);
  std::fflush(in_);
  const std::string answer = heard();
  return answer.empty() ? Json{{"refused", "it ended"}} : Json::parse(answer);
}

std::string Asker::heard() {
  char* line = nullptr;
  std::size_t room = 0;
  const ssize_t size = getline(&line, &room, out_);
  const std::string out(line ? line : "", size > 0 ? static_cast<std::size_t>(size) : 0);
  std::free(line);
  return out;
}

}  // namespace domed::matrix
