#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "transport/engine.h"

namespace domed {

// A REP socket, with a context for each request under way.
class NngControl : public ControlEngine {
 public:
  NngControl(ControlOptions options, Handler handler);
  ~NngControl() override;
  NngControl(const NngControl&) = delete;
  NngControl& operator=(const NngControl&) = delete;

  void on_pipe_gone(PipeGone gone) override;
  void start() override;
  void shutdown(std::chrono::milliseconds limit) override;
  void look_again_at_identities() override;
  std::vector<Endpoint*> endpoints() const override;
  std::size_t pipes() const override;
  std::size_t busy() const override;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace domed
