#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "tls/session.h"

namespace domed::tls {

// What a server shows, and by what it knows its clients: files in PEM, each by its absolute path.
struct ServerFiles {
  std::string cert;  // its certificate and, behind it, those of the authorities up to a known one
  std::string key;   // closed to others than its owner and group
  std::string client_ca;  // the authorities of clients' certificates; empty: none is asked for
  std::string
      crl;  // the certificates that are revoked, by lists of those authorities; may be empty
  bool certificate_required = true;  // else who has none may say otherwise who it is

  bool operator==(const ServerFiles&) const = default;
};

// The server's side of TLS.  Thread-safe.
class ServerContext {
 public:
  using Clock = std::function<std::int64_t()>;

  // Throws Error that names the file, the cause and what to do: it is not there, or could be
  // replaced or read by others, or holds something else.  One that has expired is no error.
  // "clock": microseconds since 1970, by which clients' certificates expire.
  explicit ServerContext(const ServerFiles& files, Clock clock = now_micros)
      : clock_(std::move(clock)), current_(load(files)) {}

  // What it read, so that many can be tried before any of them holds.
  struct Loaded;
  using Files = std::shared_ptr<const Loaded>;
  static Files load(const ServerFiles& files);  // throws as above
  // For those who come from now on.
  void use(Files files);
  // Whether "files" have the authorities of clients that hold now: names mean the same people.
  bool has_authorities_of(const Files& files) const;

  std::unique_ptr<Session> accept() const;
  // Why, by the files of now, the client of a session that is up would not be let in: its
  // certificate is revoked, or its authority is no longer known, or it has none and needs one.
  // Or that one of its certificates has expired meanwhile; that a list of what is revoked has ends
  // nothing.  nullopt: nothing is wrong.
  std::optional<std::string> objection_to(const Session& session) const;

  // Of this the last alone: quick enough for each request and each frame.
  std::optional<std::string> expiry_of(const Session& session) const;

  // What expires within a month from "now" (microseconds since 1970), or has: a text for each file,
  // "/etc/x.pem expires on 2026-01-31 (our certificate)".
  std::vector<std::string> expiring(std::int64_t now) const;

 private:
  Files current() const;

  const Clock clock_;
  mutable std::mutex mutex_;
  Files current_;
};

}  // namespace domed::tls
