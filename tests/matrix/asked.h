#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

#include "base/json.h"
#include "support/certificates.h"

namespace domed::matrix {

// Whose client it is: nng's, or ours.
enum class Client { stock, ours };

// What a client has to show, and as whom it runs.
struct Shown {
  std::string authority;  // whom it trusts
  test::Shown certificate{};
  std::string token{};
  struct User {
    uid_t uid = 0;
    gid_t group = 0;  // 0: none
  };
  std::optional<User> user{};
};

// A client in a process of its own (asker.cpp), which ends with this.
class Asker {
 public:
  enum class Does { ask, hear };
  Asker(Client client, Does does, const std::string& url, const Shown& shown,
        std::chrono::milliseconds patience);
  ~Asker();
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;

  // {"result":…}, {"error":{…}} or {"refused":"why"}.
  Json ask(const std::string& method, const Json& params);
  // What came of a subscription; empty: nothing.
  std::string heard();

 private:
  pid_t pid_ = 0;
  std::FILE* in_ = nullptr;  // of the client
  std::FILE* out_ = nullptr;
};

}  // namespace domed::matrix
