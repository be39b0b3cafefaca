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

  // Addresses as clients use them; after start().
  std::vector<std::string> urls() const;
  // For the watchdog; valid until shutdown.
  std::vector<Endpoint*> endpoints() const;
  std::size_t pipes() const;
  std::size_t busy() const;

 private:
  std::vector<std::unique_ptr<ControlEngine>> engines_;
};

}  // namespace domed
