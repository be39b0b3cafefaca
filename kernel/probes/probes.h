#pragma once

#include <functional>
#include <memory>
#include <string>

namespace domed {

// What a monitoring asks over HTTP, on loopback alone, without a name or a secret:
//   /metrics   what GetMetrics says, in Prometheus' text format 0.0.4
//   /healthz   200 "ok": the process answers
//   /readyz    200 "ok", or 503 and a line for each thing that does not work: no job, no file and
//              nobody is named, for any user of this machine may ask
// Only GET and HEAD; a connection has one request, of 8 KiB and two seconds.  Who is slow, or says
// nothing, holds up nobody: 64 are heard at a time, and the oldest makes room for one more.  A page of another site that a browser on this
// machine shows gets nothing (its Host is not this machine's).
//
// Thread-safe.
class Probes {
 public:
  struct Answers {
    std::function<std::string()> metrics;
    std::function<std::string()> troubles;  // "" where all works; must not block
  };

  // Listens at "address", an IP of loopback and a port ("127.0.0.1:9464", "[::1]:0"), and answers
  // until it is destroyed.  Throws Error where it cannot.
  Probes(const std::string& address, Answers answers);
  ~Probes();

  // With the port that the system chose, where it was 0.
  std::string address() const;

 private:
  struct Server;
  std::unique_ptr<Server> server_;
};

// What is wrong with "address" for a listener of probes; empty: nothing.
std::string probes_address_problem(const std::string& address);

}  // namespace domed
