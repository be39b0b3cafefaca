#include "client/peer.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "client/tcp_peer.h"
#include "domed/error.h"
#include "protocol/endpoint.h"
#include "system/trusted_path.h"
#include "system/unix_socket.h"

namespace domed {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVariable = "DOMED_ENDPOINT_USER";

std::optional<uid_t> user_of(const std::string& text) {
  uid_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc{} && end == text.data() + text.size()) return number;
  std::vector<char> space(1 << 14);
  passwd entry{};
  passwd* found = nullptr;
  getpwnam_r(text.c_str(), &entry, space.data(), space.size(), &found);
  return found ? std::optional(found->pw_uid) : std::nullopt;
}

std::string foreign(const std::string& url, const std::string& what, uid_t user) {
  return what + " " + url + " belongs to " + describe_user(user) + ", this program runs as " +
         describe_user(geteuid()) +
         ": nothing was sent; if that user's daemon is meant, say so "
         "with --endpoint-user " +
         std::to_string(user) + " or " + kVariable;
}

// The first part of the way that is not there, or that does not let us in.
std::string way_to(const fs::path& path) {
  fs::path at;
  for (const auto& part : path.parent_path()) {
    at /= part;
    struct stat status {};
    if (stat(at.c_str(), &status) != 0)
      return (errno == ENOENT ? "no such socket: there is no directory " : "cannot look at ") +
             at.string();
    if (!S_ISDIR(status.st_mode)) return "no such socket: " + at.string() + " is no directory";
    if (faccessat(AT_FDCWD, at.c_str(), X_OK, AT_EACCESS) != 0)
      return "permission denied: the directory " + at.string() + " of " +
             describe_user(status.st_uid) + " lets this user, " + describe_user(geteuid()) +
             ", not in";
  }
  return "no such socket";
}

std::string ipc_failure(const fs::path& path, int error) {
  if (!path.is_absolute()) return "it is no absolute path: write ipc:///directory/name.ipc";
  if (path.string().size() > kLongestSocketPath)
    return "its path has " + std::to_string(path.string().size()) + " bytes, a socket's may have " +
           std::to_string(kLongestSocketPath);
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return way_to(path);
  if (!S_ISSOCK(status.st_mode)) return "it is a file and no socket";
  if (faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0)
    return "permission denied: the socket of " + describe_user(status.st_uid) +
           " is closed to this user, " + describe_user(geteuid());
  if (error == ECONNREFUSED) return "Connection refused: nobody listens at the socket any more";
  return strerror(error);
}

}  // namespace

Peers::Peers() {
  const char* text = std::getenv(kVariable);
  if (!text || !*text) return;
  named_ = user_of(text);
  if (!named_)
    throw Error(Code::invalid_argument, std::string(kVariable) + " is '" + text +
                                            "', and there is no such user on this machine: write "
                                            "the name or the number of the daemon's user");
}

bool Peers::are_trusted(uid_t user) const {
  return user == 0 || user == geteuid() || user == named_;
}

// Before dialing: the directory's owner decides who listens there.  Requests hold commands and
// tokens, so that nothing is sent on trust.
std::optional<std::string> Peers::objection(const std::string& url) const {
  const auto path = ipc_path_of(url);
  if (!path) return std::nullopt;
  struct stat status {};
  if (stat(fs::path(*path).parent_path().c_str(), &status) != 0 || are_trusted(status.st_uid))
    return std::nullopt;
  return foreign(url, "the directory of", status.st_uid);
}

// They are those of who began to listen, not of who may answer now.
std::optional<std::string> Peers::objection(int socket, const std::string& url) const {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return "the system does not say who listens at " + url + ": nothing was sent";
  if (!are_trusted(peer.uid)) return foreign(url, "the process that listens at", peer.uid);
  // And the directory once more, as it is now that there is a connection.
  return objection(url);
}

// Nobody owns a port: whoever is first there while the daemon is down, or at the other address of
// "localhost", would be given the token.
std::optional<std::string> Peers::objection_to_token(int socket, const std::string& url) const {
  sockaddr_storage ours{};
  socklen_t size = sizeof ours;
  const bool known = getsockname(socket, reinterpret_cast<sockaddr*>(&ours), &size) == 0;
  return objection_to_token(other_end(socket), known ? std::optional(ours) : std::nullopt, url);
}

std::optional<std::string> Peers::objection_to_token(const std::optional<sockaddr_storage>& theirs,
                                                     const std::optional<sockaddr_storage>& ours,
                                                     const std::string& url) const {
  if (theirs && !is_loopback(*theirs))
    return url +
           " would carry the token in clear over a network: no request was sent; write "
           "tls+tcp://, as the daemon's --check shows it, or give no token";
  const auto user = theirs && ours ? user_at(*theirs, *ours) : std::nullopt;
  if (!user)
    return "the system does not say who listens at " + url +
           ", and so who would get the token: no request was sent; use ipc or tls+tcp";
  if (!are_trusted(*user)) return foreign(url, "the process that listens at", *user);
  return std::nullopt;
}

std::string connect_failure(const std::string& url, int error) {
  switch (error) {
    case EPROTONOSUPPORT:
      return url.starts_with("wss")
                 ? "wss:// is for web pages and stock nng clients: write the daemon's tls+tcp://"
                 : "its scheme is none of ipc, tcp, tls+tcp and ws";
    case EAGAIN:
      return "too many connections wait to be taken there";
    case ECONNRESET:
      return url.starts_with("tcp")
                 ? "it closes the connection: it has too many, or speaks TLS (tls+tcp://); its log "
                   "says which"
                 : "it closes the connection: it has too many, or does not serve this user; its "
                   "log "
                   "says which";
    case EPROTO:
      return "what answers there is no control socket of domed, but another socket";
    case ETIMEDOUT:
      return "it does not greet: it may be stopped, or out of reach";
    default:
      break;
  }
  const auto path = ipc_path_of(url);
  return path ? ipc_failure(*path, error) : strerror(error);
}

}  // namespace domed
