#pragma once

#include <mutex>
#include <string>
#include <thread>

#include "system/fd.h"

namespace domed::soak {

// Stands between a node and its database, on a unix socket, and passes bytes on.  It knows nothing
// of what they say: what was on its way when the line went dead arrives when it is mended, however
// long its sender is gone.
class Wire {
 public:
  // "place" is the path of the socket that is made, "real" that of the server.
  Wire(std::string place, std::string real);
  ~Wire();

  enum class Line {
    open,
    dead,  // connections are there, and nothing passes
    cut,   // they end, and no new one lasts
  };
  void become(Line line);
  // From now on new connections lead to another server.
  void lead_to(const std::string& real);

 private:
  void work(const std::stop_token& stop);

  std::mutex mutex_;
  std::string real_;
  Line line_ = Line::open;
  Fd listener_, wakes_;
  std::jthread thread_;
};

}  // namespace domed::soak
