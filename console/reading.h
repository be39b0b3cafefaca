#pragma once

#include <httplib.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "console/sessions.h"
#include "console/shown_daemon.h"
#include "console/stream.h"

namespace domed::console {

// Who asks "daemon" for "session"; null: the session does not see this daemon.
Client* client_of(Session& session, ShownDaemon& daemon);

// What a page must know of itself: who it is to each daemon, and what it may do there.
std::string describe(Session& session, const std::vector<ShownDaemon*>& daemons, bool read_only);

// One request that reads from one daemon.
struct Reading {
  const httplib::Request& request;
  httplib::Response& response;
  std::shared_ptr<Session> session;
  ShownDaemon& daemon;
  LoginEnd end;
  Streams& streams;
  const std::atomic<bool>& stopping;

  // False: there is no "what".  Throws ApiError.
  bool answer(const std::string& what);

 private:
  Client& client() { return *client_of(*session, daemon); }
  void call(const char* method, const Json& params);
  Json params(std::initializer_list<const char*> texts, std::initializer_list<const char*> numbers);
  void must_be_reader();
  std::shared_ptr<StreamPlace> place();
  void events();
  void follow();
  void live();
  void file();
};

}  // namespace domed::console
