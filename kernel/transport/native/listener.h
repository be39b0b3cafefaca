#pragma once

#include <atomic>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "protocol/sp/framing.h"
#include "system/fd.h"
#include "transport/endpoint.h"
#include "transport/ipc_path.h"
#include "transport/native/loop.h"
#include "transport/place.h"

namespace domed::native {

// A listening socket, and who takes what comes by it.  Its connections live on without it.
class Listener : public Endpoint {
 public:
  // Called on the loop's thread.
  using Take = std::function<void(Fd socket, sp::Carrier carrier)>;

  // Claims the place, without listening yet.  Throws Error.
  Listener(std::shared_ptr<Loop> loop, const Place& place, const ListenOptions& options, Take take);
  ~Listener() override { close(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void listen() override;
  bool in_place() const override;
  void relisten() override;
  std::string url() const override;
  std::uint64_t arrivals() const override { return arrivals_; }
  bool may_go_deaf() const override { return false; }

  // Takes nobody any more.  What lies at its path is removed, the claim on it is kept.
  void close();

 private:
  using Socket = boost::asio::posix::stream_descriptor;

  void start();
  void await(const std::shared_ptr<Socket>& socket);
  void accept(const std::shared_ptr<Socket>& socket);
  void rest(const std::shared_ptr<Socket>& socket, int error);

  const std::shared_ptr<Loop> loop_;
  const Take take_;
  mutable std::mutex mutex_;
  std::string url_;
  IpcPlace ipc_;
  const sp::Carrier carrier_;
  std::shared_ptr<Socket> socket_;  // null: not listening
  boost::asio::steady_timer timer_;
  bool short_of_descriptors_ = false;
  std::atomic<std::uint64_t> arrivals_ = 0;
};

}  // namespace domed::native
