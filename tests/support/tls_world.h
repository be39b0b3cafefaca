#pragma once

// Authorities and certificates that the tests over TLS share, made once in a process.
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>

#include "support/certificates.h"
#include "tls/client_context.h"
#include "tls/server_context.h"

namespace domed::test {

class TlsDirectory {
 public:
  TlsDirectory() { mkdtemp(path_.data()); }
  ~TlsDirectory() { std::filesystem::remove_all(path_); }
  operator std::string() const { return path_; }  // NOLINT(google-explicit-constructor)

 private:
  std::string path_ = std::filesystem::temp_directory_path() / "domed-tls-XXXXXX";
};

struct TlsWorld {
  const TlsDirectory made;
  const std::string directory = made;
  Authority authority{directory, "authority"}, other{directory, "other"};
  const Shown server = authority.issue_for_server(), client = authority.issue({"ci"});

  const tls::ClientContext client_context{{authority.file(), client.cert, client.key}};

  tls::ServerFiles files() const { return {server.cert, server.key, authority.file(), "", true}; }
  std::unique_ptr<tls::Session> connect(const Shown& shown) const {
    return tls::ClientContext({authority.file(), shown.cert, shown.key}).connect("localhost");
  }
  // Both in one file, as nng wants them.
  std::string together(const Shown& shown) const {
    const std::string file = shown.cert + ".both";
    std::ofstream out(file);
    for (const std::string& part : {shown.cert, shown.key}) out << std::ifstream(part).rdbuf();
    return file;
  }
};

inline TlsWorld& tls_world() {
  static TlsWorld world;
  return world;
}

// What the log says while this lives.
class Logged {
 public:
  Logged() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_, true)));
  }
  ~Logged() { spdlog::set_default_logger(before_); }
  Logged(const Logged&) = delete;
  Logged& operator=(const Logged&) = delete;
  // Once those who write are gone.
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  const std::shared_ptr<spdlog::logger> before_;
};

}  // namespace domed::test
