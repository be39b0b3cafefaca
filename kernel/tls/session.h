#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tls/context.h"

namespace domed::tls {

// Why a session failed.
struct Fault {
  enum class Kind {
    none,
    bad_certificate,    // of the peer
    unknown_authority,  // the same, and why
    refused,            // by the peer, which may tell that it does not take our certificate
    no_tls,             // what the peer speaks
    broken,             // anything else
  };
  Kind kind = Kind::none;
  // For people, of the peer: "its certificate 'CN=ci' has expired".
  std::string words;
};

// One side of a TLS connection, on bytes in memory: whoever has the socket feeds it what came, and
// sends what it has to say.  So it never waits, and there is nothing of TLS to be tried again.
// Not thread-safe.
class Session {
 public:
  enum class State { handshaking, up, ended, failed };
  enum class Side { server, client };

  // A client's hello is to be sent at once.  "host": that a server's certificate must be for.
  Session(std::shared_ptr<const Context> context, Side side, const std::string& host = "");
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Takes what came from the peer, and adds what is whole by now to "plain".  May lead to something
  // that is to be sent, a failure too: it tells the peer why.
  void receive(std::string_view cipher, std::string& plain);
  // Encrypts; only while it is up.
  void send(std::string_view plain);
  // Tells the peer that nothing more comes.
  void end();

  // What is to be sent, and how much of it was.
  std::string_view outgoing() const { return std::string_view(outgoing_).substr(sent_); }
  void sent(std::size_t bytes);

  State state() const { return state_; }
  const Fault& fault() const { return fault_; }
  // The name in the certificate of a client (tls/certificate.h); empty: it showed none.
  const std::string& peer_name() const { return peer_name_; }
  // When the first of the certificates that a client was let in by expires, in microseconds since
  // 1970; max: never, or it showed none.
  std::int64_t expires() const { return expires_; }

  const Context& context() const { return *context_; }
  SSL* ssl() const { return ssl_.get(); }

 private:
  static const BIO_METHOD* memory();
  static int read(BIO* bio, char* into, int size);
  static int write(BIO* bio, const char* from, int size);
  static int verify(int good, X509_STORE_CTX* at);

  bool is_tls(std::string_view cipher);
  void shake_hands();
  void decrypt(std::string& plain);
  void note(int result);
  void fail(Fault::Kind kind, std::string words);
  Fault fault_of(unsigned long error) const;

  const std::shared_ptr<const Context> context_;
  const Side side_;
  Verdict verdict_;
  State state_ = State::handshaking;
  Fault fault_;
  std::string peer_name_;
  std::int64_t expires_ = INT64_MAX;
  bool begun_ = false;  // the peer said something
  std::string_view incoming_;
  std::string outgoing_;
  std::size_t sent_ = 0;  // of "outgoing_"
  Owned<SSL> ssl_;
};

// Sends parts of a message, or of many, in records as long as they may be: a short one costs as
// much as one of a thousand bytes.  They are on their way when it ends.
class Records {
 public:
  explicit Records(Session& session) : session_(session) {}
  ~Records();
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;

  void add(std::string_view part);

 private:
  Session& session_;
};

}  // namespace domed::tls
