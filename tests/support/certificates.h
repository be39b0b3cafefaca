#pragma once

#include <string>
#include <vector>

#include "tls/openssl.h"

namespace domed::test {

// A certificate as a test wants it; times in days from now.
struct Wanted {
  std::string common_name;
  std::string names = {};  // "URI:x,DNS:y", as in configurations of OpenSSL
  std::string usage = "clientAuth";
  int from = -1, to = 90;
};

// A certificate and its key, as files in PEM.
struct Shown {
  std::string cert, key;
};

// Who certifies what a test needs, into files of a directory.  Keys are of P-256: quick to make,
// and known to every client.
class Authority {
 public:
  // The name goes into its files' names too.
  Authority(std::string directory, const std::string& name, int to = 90);
  // One that "above" certifies; what it issues has its own certificate behind it.
  Authority(const Authority& above, const std::string& name);

  const std::string& file() const { return file_; }
  Shown issue(const Wanted& wanted) const;
  Shown issue_for_server(const std::string& names = "DNS:localhost,IP:127.0.0.1") const {
    return issue({"server", names, "serverAuth"});
  }
  void revoke(const Shown& shown);
  // Its list of what is revoked, written anew.
  std::string write_list(int from = -1, int to = 90) const;

 private:
  std::string path(const std::string& name) const { return directory_ + "/" + name; }

  const std::string directory_;
  tls::Owned<EVP_PKEY> key_;
  tls::Owned<X509> certificate_;
  std::string file_;
  bool is_root_ = true;
  std::vector<tls::Owned<X509>> revoked_;
};

// Signed by nobody but itself.
Shown self_signed(const std::string& directory, const Wanted& wanted);

}  // namespace domed::test
