#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "client/client.h"
#include "client/contexts.h"
#include "console/board.h"
#include "console/feed.h"

namespace domed::console {

// A daemon that this console shows, asked as who the console itself is to it.  What all browsers
// look at alike is asked for once: a log that is followed (Feed), the jobs that change (Board).
// Thread-safe.
class ShownDaemon {
 public:
  // "name" is what it is called in addresses of pages, "options" what domectl is told.
  ShownDaemon(std::string name, std::string options, const NamedDaemon& place);
  ~ShownDaemon();
  ShownDaemon(const ShownDaemon&) = delete;
  ShownDaemon& operator=(const ShownDaemon&) = delete;

  const std::string& name() const { return name_; }
  const std::string& options() const { return options_; }
  Client& client() { return client_; }
  // Whether a token may say who asks: over ipc none is looked at.
  bool takes_tokens() const { return !token_endpoint_.empty(); }
  // Another who asks the same daemon, by a token of theirs.
  std::shared_ptr<Client> client_of(const std::string& token) const;

  // The log of "job_id", as it grows, from "since" on or from a later event; made by the first who
  // looks, and kept for the next while anybody does.
  std::shared_ptr<Feed> feed(const std::string& job_id, std::uint64_t since);
  std::shared_ptr<Board> board();
  // How many logs are followed now.
  std::size_t feeds();
  // Ends all waiting.
  void stop();

 private:
  const std::string name_, options_;
  const NamedDaemon place_;
  const std::string endpoint_, token_endpoint_;
  Client client_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Feed>> feeds_;
  std::weak_ptr<Board> board_;
  bool stopped_ = false;
};

}  // namespace domed::console
