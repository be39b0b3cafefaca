#include "transport/control_server.h"

#include <algorithm>

#include "transport/native/control.h"
#include "transport/nng/control.h"

namespace domed {

ControlServer::ControlServer(ControlOptions options, Handler handler) : places_(options.urls) {
  for (Share& share : shares_of(options.urls, options.listen)) {
    options.urls = std::move(share.places);
    if (share.engine == Engine::native)
      engines_.push_back(std::make_unique<native::Control>(options, handler));
    else
      engines_.push_back(std::make_unique<NngControl>(options, handler));
  }
}

ControlServer::~ControlServer() = default;

void ControlServer::on_pipe_gone(PipeGone gone) {
  for (const auto& engine : engines_) engine->on_pipe_gone(gone);
}

void ControlServer::start() {
  for (const auto& engine : engines_) engine->start();
}

void ControlServer::shutdown(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (const auto& engine : engines_)
    engine->shutdown(std::max(std::chrono::milliseconds(0),
                              std::chrono::duration_cast<std::chrono::milliseconds>(
                                  deadline - std::chrono::steady_clock::now())));
}

void ControlServer::reload() {
  domed::reload(places_, engines_);
}

std::vector<std::string> ControlServer::urls() const {
  std::vector<std::string> result;
  for (const Endpoint* endpoint : endpoints()) result.push_back(endpoint->url());
  return result;
}

std::vector<Endpoint*> ControlServer::endpoints() const {
  std::vector<Endpoint*> result;
  for (const auto& engine : engines_)
    for (Endpoint* endpoint : engine->endpoints()) result.push_back(endpoint);
  return result;
}

std::size_t ControlServer::pipes() const {
  std::size_t sum = 0;
  for (const auto& engine : engines_) sum += engine->pipes();
  return sum;
}

std::size_t ControlServer::busy() const {
  std::size_t sum = 0;
  for (const auto& engine : engines_) sum += engine->busy();
  return sum;
}

}  // namespace domed
