#include "main/log_targets.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>

#include "domed/error.h"

namespace domed {
namespace {

std::string told_of(std::uint64_t lost) {
  return std::to_string(lost) + " line(s) before this one could not be written\n";
}

// Of a character that a terminal or a reader of lines would obey.
void append_visible(unsigned char c, std::string& out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += "\\x";
  out += kDigits[c >> 4];
  out += kDigits[c & 15];
}

int priority_of(spdlog::level::level_enum level) {
  if (level >= spdlog::level::err) return LOG_ERR;
  if (level == spdlog::level::warn) return LOG_WARNING;
  return level == spdlog::level::info ? LOG_INFO : LOG_DEBUG;
}

void append_field(std::string& out, const std::string& name, std::string_view value) {
  if (value.find('\n') == std::string_view::npos) {
    out.append(name).append("=").append(value).append("\n");
    return;
  }
  out.append(name).append("\n");
  for (int byte = 0; byte < 8; ++byte)  // little-endian, whatever the machine is
    out += static_cast<char>((std::uint64_t{value.size()} >> (8 * byte)) & 0xff);
  out.append(value).append("\n");
}

std::string field_name(const std::string& key) {
  std::string out = "DOMED_";
  for (const char c : key)
    out += std::isalnum(static_cast<unsigned char>(c))
               ? static_cast<char>(std::toupper(static_cast<unsigned char>(c)))
               : '_';
  return out;
}

}  // namespace

bool is_of_objects(spdlog::string_view_t logger) {
  const std::string_view name(logger.data(), logger.size());
  return name == kAudit || name == kJob;
}

// Beyond ASCII only what is a control character in UTF-8 (C2 80 to C2 9F), or no UTF-8 at all.
std::string as_one_entry(std::string_view text) {
  const bool utf8 = is_utf8(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool c1 =
        c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c == '\n')
      out += "\n    ";
    else if ((c < 0x20 && c != '\t') || c == 0x7f || (c >= 0x80 && !utf8))
      append_visible(c, out);
    else if (c1)
      append_visible(static_cast<unsigned char>(text[++i]), out);
    else
      out += static_cast<char>(c);
  }
  return out;
}

LogFile::LogFile(std::filesystem::path path, std::uint64_t max_size, std::int64_t keep)
    : path_(std::move(path)), max_size_(max_size), keep_(keep) {
  open();
}

// A link could lead anywhere, and a pipe would have us wait for its reader.  What stands in a log
// is for its owner and group: it names jobs and people.
void LogFile::open() {
  Fd file(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                 0640));
  struct stat info {};
  if (!file || fstat(file.get(), &info) != 0)
    throw Error(Code::io, "log.file " + path_.string() + " cannot be opened: " +
                              (errno == ELOOP ? "it is a symbolic link" : std::strerror(errno)));
  if (!S_ISREG(info.st_mode))
    throw Error(Code::io, "log.file " + path_.string() + " is no regular file");
  file_ = std::move(file);
  size_ = static_cast<std::uint64_t>(info.st_size);
}

// Where that cannot be done the old one goes on: better too long than lost.
void LogFile::begin_another() {
  const auto older = [this](std::int64_t n) { return path_.string() + "." + std::to_string(n); };
  std::error_code ignored;
  if (keep_ == 0) std::filesystem::remove(path_, ignored);
  for (std::int64_t n = keep_; n > 0; --n)
    std::filesystem::rename(n == 1 ? path_ : std::filesystem::path(older(n - 1)), older(n),
                            ignored);
  try {
    open();
  } catch (const Error&) {
  }
}

bool LogFile::write(std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = ::write(file_.get(), line.data(), line.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    size_ += static_cast<std::uint64_t>(n);
    line.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void LogFile::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t line;
  formatter_->format(message, line);
  if (size_ > 0 && size_ + line.size() > max_size_) begin_another();
  if (lost_ > 0 && write(told_of(lost_))) lost_ = 0;
  if (lost_ > 0 || !write({line.data(), line.size()})) ++lost_;
}

std::string journal_entry(int priority, std::string_view logger, std::string_view payload) {
  const bool object = is_of_objects({logger.data(), logger.size()});
  std::string out;
  append_field(out, "MESSAGE",
               object ? std::string(logger) + " " + std::string(payload) : std::string(payload));
  append_field(out, "PRIORITY", std::to_string(priority));
  append_field(out, "SYSLOG_IDENTIFIER", "domed");
  if (!object) return out;
  append_field(out, "DOMED_KIND", logger);
  const OrderedJson fields = OrderedJson::parse(payload, nullptr, false);
  if (!fields.is_object()) return out;
  for (const auto& [key, value] : fields.items())
    append_field(out, field_name(key), value.is_string() ? value.get<std::string>() : value.dump());
  return out;
}

Journald::Journald(const std::string& socket) : path_(socket) {
  if (!connect())
    throw Error(Code::io, "log.to is journald, and nobody takes entries at " + path_ + ": " +
                              std::strerror(errno));
}

bool Journald::connect() {
  sockaddr_un address{};
  if (path_.size() >= sizeof address.sun_path) return false;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return false;
  const int room = 8 << 20;  // as sd_journal_send has it
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return false;
  socket_ = std::move(socket);
  return true;
}

// One that is too long for a datagram goes as a file without a name, which the journal reads.
bool Journald::send(const std::string& entry) {
  if (::send(socket_.get(), entry.data(), entry.size(), MSG_NOSIGNAL) >= 0) return true;
  if (errno == ECONNREFUSED || errno == ENOTCONN)  // the journal was started anew
    return connect() && ::send(socket_.get(), entry.data(), entry.size(), MSG_NOSIGNAL) >= 0;
  if (errno != EMSGSIZE) return false;
  const Fd file(memfd_create("domed-log", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file ||
      ::write(file.get(), entry.data(), entry.size()) != static_cast<ssize_t>(entry.size()))
    return false;
  fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = file.get();
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return sendmsg(socket_.get(), &message, MSG_NOSIGNAL) >= 0;
}

void Journald::sink_it_(const spdlog::details::log_msg& message) {
  const std::string_view logger(message.logger_name.data(), message.logger_name.size());
  const std::string_view payload(message.payload.data(), message.payload.size());
  if (lost_ > 0) {
    std::string text = told_of(lost_);
    text.pop_back();
    if (send(journal_entry(LOG_WARNING, "domed", text))) lost_ = 0;
  }
  if (lost_ > 0 || !send(journal_entry(priority_of(message.level), logger, payload))) ++lost_;
}

}  // namespace domed
