#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "transport/engine.h"

namespace domed {

// The socket that requests arrive at: as many engines as its places need.  Thread-safe.
class ControlServer {
 public:
  using Reply = domed::Reply;
  using Handler = domed::Handler;
  using PipeGone = domed::PipeGone;

  // Claims the URLs, without listening yet.  Throws Error.
  ControlServer(ControlOptions options, Handler handler);
  ~ControlServer();  // shutdown(0)
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // As with ControlEngine.
  void on_pipe_gone(PipeGone gone);
  void start();
  void shutdown(std::chrono::milliseconds limit);
  void look_again_at_identities();

  // Addresses as clients use them; after start().
  std::vector<std::string> urls() const;
  // Those at which a process of the daemon's user may append, who shows neither certificate nor
  // token: over ipc where there is any, else where anyone may.  Throws Error where there is none.
  std::vector<std::string> urls_for_own_processes() const;
  // For the watchdog; valid until shutdown.
  std::vector<Endpoint*> endpoints() const;
  std::size_t pipes() const;
  std::size_t busy() const;

 private:
  std::vector<std::unique_ptr<ControlEngine>> engines_;
  std::vector<Place> served_;  // in the order of endpoints()
};

}  // namespace domed
