#pragma once

#include <httplib.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/units.h"
#include "console/assets.h"
#include "console/door.h"
#include "console/guard.h"
#include "console/sessions.h"
#include "console/shown_daemon.h"
#include "console/stream.h"
#include "console/tries.h"

namespace domed::console {

// A daemon that is to be shown.
struct ShownPlace {
  std::string name;     // by which pages call it
  std::string options;  // what "domectl" is told so that it goes there: "--context ci ", or nothing
  NamedDaemon daemon;
};

struct Settings {
  std::string host = "127.0.0.1";
  int port = 7480;                // 0: a free one
  std::string tls_cert, tls_key;  // both or neither
  std::string client_ca;          // of certificates that browsers may show; empty: none
  // Who shows one of these names, or "*", is the console: to look, or to do as well.
  std::vector<std::string> readers, operators;
  std::vector<std::string> origins;
  std::string secret;      // whoever knows it acts as the console
  std::string ended_file;  // keeps who logged out; empty: nothing does
  bool read_only = false;
  std::vector<ShownPlace> daemons;
  const Asset* (*asset)(std::string_view path) = nullptr;  // the page's files; null: none
  // By which logins and browsers' certificates expire: microseconds since 1970.
  std::function<std::int64_t()> clock = now_micros;
};

// The web server of the page: HTTP on one side, clients of daemons on the other.
//
// What a page asks is in Routes' table (routes.cpp): GET reads, and only POST /api/act changes
// something, by the daemon's own methods.  Answers are the daemon's own JSON, event lines its own
// bytes.  Nothing of a request is logged but its path.
class Console {
 public:
  // Throws Error, for a certificate too that cannot be used.
  explicit Console(Settings settings);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // Takes the port; throws Error where it cannot be had.  The port.
  int bind();
  // Serves until stop().
  void serve();
  // From any thread.
  void stop();

  bool tls() const { return !settings_.tls_cert.empty(); }

 private:
  using Request = httplib::Request;
  using Response = httplib::Response;

  void set_up();
  bool refused(const Request& request, Response& response, bool from_pages);
  void get(const Request& request, Response& response);
  void get_api(const Request& request, Response& response, const std::string& path);
  void page(const Request& request, Response& response);
  void login(const Request& request, Response& response);
  void logout(const Request& request, Response& response);
  void act(const Request& request, Response& response);
  std::shared_ptr<Session> session_of(const Request& request);
  std::shared_ptr<Session> changing(const Request& request);

  std::string cookie_of(const Request& request) const;
  std::string cookie_name() const;
  void set_cookie(Response& response, const std::string& value, const std::string& age) const;
  ShownDaemon* daemon_named(const std::string& name);

  Settings settings_;
  Guard guard_;
  Sessions sessions_;
  std::map<std::string, std::unique_ptr<ShownDaemon>> daemons_;
  std::vector<std::string> order_;  // of the names
  const std::size_t most_connections_;
  std::unique_ptr<Door> server_;
  int port_ = 0, listening_ = -1;
  Streams streams_;
  std::atomic<bool> stopping_{false};
  Tries tries_;
};

}  // namespace domed::console
