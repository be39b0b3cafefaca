#pragma once

#include <chrono>
#include <string>

#include "base/json.h"

namespace domed::ctl {

// DSSE, the envelope that in-toto statements are signed in
// (github.com/secure-systems-lab/dsse).

inline constexpr const char* kStatementType = "application/vnd.in-toto+json";

// The bytes that are signed: "DSSEv1", then length and text of type and payload.
std::string pre_authentication(const std::string& type, const std::string& payload);

// What whoever signs may take: somebody may have to type a passphrase first.
struct SignerLimits {
  std::size_t bytes = 64 << 10;
  std::chrono::milliseconds time = std::chrono::minutes(5);
};

// "payload" with what "signer", a shell command, made of its pre-authentication
// encoding: that comes to its standard input, and the signature's bytes leave by
// its standard output.  It has the user's environment and terminal.  Throws
// Error where it fails, prints nothing or passes a limit; it is killed then.
OrderedJson sign(const std::string& payload, const std::string& signer, const std::string& key_id,
                 const SignerLimits& limits = {});

}  // namespace domed::ctl
