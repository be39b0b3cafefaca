#include "transport/control_server.h"

#include <algorithm>

#include "protocol/endpoint.h"

#include "transport/native/control.h"
#include "transport/nng/control.h"

namespace domed {

ControlServer::ControlServer(ControlOptions options, Handler handler) {
  for (Share& share : shares_of(options.urls, options.listen)) {
    served_.insert(served_.end(), share.places.begin(), share.places.end());
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

void ControlServer::look_again_at_identities() {
  for (const auto& engine : engines_) engine->look_again_at_identities();
}

std::vector<std::string> ControlServer::urls() const {
  std::vector<std::string> result;
  for (const Endpoint* endpoint : endpoints()) result.push_back(endpoint->url());
  return result;
}

namespace {

bool may_append_unnamed(const Place& place) {
  const auto stranger = place.tls ? nullptr : place.access->stranger();
  return stranger && stranger->who({})->role >= Role::producer;
}

}  // namespace

// A runner that is refused somewhere takes that for the daemon's word, and asks nobody else.
std::vector<std::string> ControlServer::urls_for_own_processes() const {
  std::vector<std::string> ipc, open;
  const auto found = endpoints();
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (url_scheme(served_.at(i).url) == "ipc")
      ipc.push_back(found[i]->url());
    else if (may_append_unnamed(served_[i]))
      open.push_back(found[i]->url());
  }
  if (ipc.empty() && open.empty())
    throw Error(Code::invalid_argument,
                "the daemon's own runners could not report to it: control.listen needs a listener "
                "over ipc, or one over tcp whose roles say producer: [anyone]");
  return ipc.empty() ? open : ipc;
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
