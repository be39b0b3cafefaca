#pragma once

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "console/sessions.h"
#include "console/shown_daemon.h"

namespace domed::console {

// Until when a login holds, and by which clock.
struct LoginEnd {
  std::int64_t at = INT64_MAX;
  std::function<std::int64_t()> clock;
};

// How many streams there are at a console, and may be.
struct Streams {
  const int most;
  std::atomic<int> now{0};
};

// Counts a stream while it lives, of its session's and of all, and knows when it has to end.
class StreamPlace {
 public:
  // "client": by whom the daemon knows who follows; null: they are the console.
  // Throws ApiError(E_TOO_MANY) where there are as many as there may be.
  StreamPlace(Streams& all, std::shared_ptr<Session> session, Client* client, LoginEnd end);
  ~StreamPlace();
  StreamPlace(const StreamPlace&) = delete;
  StreamPlace& operator=(const StreamPlace&) = delete;

  // Throws ApiError where who follows has logged out, their login or certificate has expired, or
  // the daemon knows them no more: what all share is read as the console, so that the daemon itself
  // would not end it.
  void must_go_on();

 private:
  Streams& all_;
  const std::shared_ptr<Session> session_;
  Client* const client_;
  const LoginEnd end_;
  std::chrono::steady_clock::time_point asked_;
};

// Server-Sent Events, of which each that holds lines of a log has the id LOG_ID:SEQ of the last
// of them.  A browser that lost the connection sends it as Last-Event-ID, and goes on there:
//
//   id: LOG_ID:SEQ          data: one event line each            (the event is "message")
//   event: connection       data: {"connected":false}            whether the daemon is heard
//   event: beat             data: {}                              every few seconds of silence
//   event: problem          data: {"error":..,"message":..}      nothing more comes
//   event: end              data: {}                              the terminal event was given
void follow_log(const httplib::Request& request, httplib::Response& response, ShownDaemon& daemon,
                std::shared_ptr<StreamPlace> place, const std::atomic<bool>& stopping);

// The same of the list of jobs: "jobs" has what the board tells, "refresh" says to list anew.
void follow_jobs(httplib::Response& response, ShownDaemon& daemon,
                 std::shared_ptr<StreamPlace> place);

// A log as a file: its event lines, or the bytes that it wrote ("stream": of that one alone).
void download(httplib::Response& response, std::shared_ptr<Client> client,
              const std::string& job_id, bool events, const std::string& stream,
              std::shared_ptr<StreamPlace> place, const std::atomic<bool>& stopping);

}  // namespace domed::console
