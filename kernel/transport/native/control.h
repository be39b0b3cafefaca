#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "transport/engine.h"

namespace domed::native {

// REP on plain sockets.  A request under way is a reference to its connection and the way back
// through the devices it came by; a connection has as many as ControlOptions::contexts, and is not
// read beyond that, nor while those are too large, or too many bytes of replies are left unread.
class Control : public ControlEngine {
 public:
  Control(ControlOptions options, Handler handler);
  ~Control() override;
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  void on_pipe_gone(PipeGone gone) override;
  void start() override;
  void shutdown(std::chrono::milliseconds limit) override;
  void look_again_at_identities() override;
  std::vector<Endpoint*> endpoints() const override;
  std::size_t pipes() const override;
  std::size_t busy() const override;

 private:
  struct Core;
  const std::unique_ptr<Core> core_;
};

}  // namespace domed::native
