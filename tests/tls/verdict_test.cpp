// Whom a server and a client trust, and what they say of whom they do not.
#include "tls/verdict.h"

#include "pair.h"

namespace domed::test {
namespace {

using Kind = tls::Fault::Kind;

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

class ClientsCertificate : public TlsTest, public ::testing::WithParamInterface<int> {
 protected:
  // What the server says; "" where it lets the client in.  And the client is told.
  std::string fault_of(const Shown& shown, const std::string& alert) const {
    const Pair pair = meet(shown, GetParam());
    if (pair.is_up()) return "";
    EXPECT_EQ(pair.client->fault().kind, Kind::refused) << pair.client->fault().words;
    EXPECT_SAYS(pair.client->fault().words, alert);
    EXPECT_EQ(pair.server->peer_name(), "");
    return pair.server->fault().words;
  }
  const Authority other_{directory, "other"};
};

TEST_P(ClientsCertificate, ThatIsGoodIsTaken) {
  EXPECT_EQ(fault_of(authority.issue(wanted), ""), "");
}

TEST_P(ClientsCertificate, ThatIsOutOfItsTimeIsNot) {
  EXPECT_EQ(fault_of(authority.issue({"ci", "", "clientAuth", -9, -1}), "certificate expired"),
            "its certificate 'CN=ci' has expired");
  EXPECT_EQ(fault_of(authority.issue({"ci", "", "clientAuth", 1, 9}), "bad certificate"),
            "its certificate 'CN=ci' is not valid yet");
}

TEST_P(ClientsCertificate, OfAnotherAuthorityIsNot) {
  EXPECT_EQ(fault_of(other_.issue(wanted), "unknown CA"),
            "its certificate 'CN=ci' is signed by an authority that is not in " + authority.file());
  EXPECT_EQ(fault_of(self_signed(directory, wanted), "unknown CA"),
            "its certificate 'CN=ci' is signed by itself, and is not in " + authority.file());
}

// And has none of its key.
TEST_P(ClientsCertificate, OfOneThatOnlyBearsTheNameIsNot) {
  std::filesystem::create_directory(directory + "/false");
  const Authority impostor(directory + "/false", "authority");
  EXPECT_NE(fault_of(impostor.issue(wanted), "refuses"), "");
}

TEST_P(ClientsCertificate, ForOtherUsesIsNot) {
  const std::string fault =
      "its certificate 'CN=ci' is not for clients (its extended key usage has no clientAuth)";
  for (const char* usage : {"serverAuth", "codeSigning,emailProtection", ""})
    EXPECT_EQ(fault_of(authority.issue({"ci", "", usage}), "unsupported certificate"), fault)
        << usage;
  EXPECT_EQ(fault_of(authority.issue({"ci", "", "serverAuth,clientAuth"}), ""), "");
}

TEST_P(ClientsCertificate, WithoutAPlainNameIsNot) {
  EXPECT_EQ(fault_of(authority.issue({""}), "bad certificate"),
            "its certificate '' has no name: no URI, DNS name, e-mail address or common name");
  const std::string fault = fault_of(authority.issue({"a\n[error] b"}), "bad certificate");
  EXPECT_SAYS(fault, "with characters that are not allowed");
  EXPECT_EQ(fault.find('\n'), std::string::npos) << "it would be a line of its own in the log";
}

TEST_P(ClientsCertificate, ThatIsRevokedIsNot) {
  const Shown good = authority.issue(wanted), bad = authority.issue({"mallory"});
  authority.revoke(bad);
  files.crl = authority.write_list();
  EXPECT_EQ(fault_of(good, ""), "");
  EXPECT_EQ(fault_of(bad, "certificate revoked"),
            "its certificate 'CN=mallory' is revoked by " + files.crl);
}

TEST_P(ClientsCertificate, IsNotTakenWhileWhatIsRevokedIsNotKnown) {
  files.crl = authority.write_list(-9, -1);
  EXPECT_EQ(fault_of(authority.issue(wanted), "certificate expired"),
            "its certificate 'CN=ci' cannot be checked: " + files.crl +
                " has expired, so that nobody is let in");
  files.crl = other_.write_list();
  EXPECT_SAYS(fault_of(authority.issue(wanted), "refuses"),
              files.crl + " has no list of its authority");
}

TEST_P(ClientsCertificate, MayComeByAnAuthorityBetween) {
  const Authority between(authority, "between");
  EXPECT_EQ(fault_of(between.issue(wanted), ""), "");
  files.client_ca = between.file();
  EXPECT_EQ(fault_of(between.issue(wanted), ""), "") << "it alone may be trusted";
  EXPECT_NE(fault_of(authority.issue(wanted), "unknown CA"), "") << "and not what is above it";
  files.client_ca = authority.file();
  authority.revoke({between.file(), ""});
  files.crl = authority.write_list();
  EXPECT_SAYS(fault_of(between.issue(wanted), "refuses"), "cannot be checked");
}

TEST_P(ClientsCertificate, IsAskedForAsTheServerWants) {
  const auto meet_without = [&] {
    return meet(tls::ServerContext(files), {authority.file(), "", ""}, GetParam());
  };
  const Pair required = meet_without();
  EXPECT_EQ(required.server->fault().words, "it has no certificate");
  EXPECT_EQ(required.client->fault().kind, Kind::refused);
  files.certificate_required = false;
  const Pair optional = meet_without();
  EXPECT_TRUE(optional.is_up());
  EXPECT_EQ(optional.server->peer_name(), "");
  EXPECT_NE(fault_of(other_.issue(wanted), "unknown CA"), "") << "a bad one is worse than none";
  files.client_ca = "";
  EXPECT_TRUE(meet_without().is_up());
  EXPECT_EQ(fault_of(other_.issue(wanted), ""), "") << "none is looked at";
}

INSTANTIATE_TEST_SUITE_P(With, ClientsCertificate,
                         ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

class ServersCertificate : public TlsTest {
 protected:
  // What the client says; "" where it goes on.
  std::string fault_of(const Shown& shown, const std::string& host = "localhost",
                       const std::string& ca = "") {
    files.cert = shown.cert;
    files.key = shown.key;
    files.client_ca = "";
    const Pair pair =
        meet(tls::ServerContext(files), {ca.empty() ? authority.file() : ca, "", ""}, 0, host);
    if (!pair.is_up()) {
      EXPECT_EQ(pair.server->fault().kind, Kind::refused) << pair.server->fault().words;
    }
    return pair.client->fault().words;
  }
};

TEST_F(ServersCertificate, MustBeForItsHost) {
  const Shown shown =
      authority.issue_for_server("DNS:a.example,DNS:*.b.example,IP:192.0.2.1,IP:2001:db8::1");
  for (const char* host : {"a.example", "A.EXAMPLE", "x.b.example", "192.0.2.1", "2001:db8::1"})
    EXPECT_EQ(fault_of(shown, host), "") << host;
  for (const char* host :
       {"b.example", "x.y.b.example", "x.a.example", "192.0.2.2", "::1", "example"})
    EXPECT_EQ(fault_of(shown, host),
              "its certificate 'CN=server' is for 'a.example', '*.b.example', '192.0.2.1', "
              "'2001:db8::1', not for '" +
                  std::string(host) + "'");
  EXPECT_NE(fault_of(authority.issue_for_server("DNS:w*.b.example"), "www.b.example"), "");
  EXPECT_NE(fault_of(authority.issue_for_server("DNS:192.0.2.1"), "192.0.2.1"), "");
}

TEST_F(ServersCertificate, MustBeOfAKnownAuthority) {
  const Authority other(directory, "other");
  EXPECT_EQ(
      fault_of(other.issue_for_server()),
      "its certificate 'CN=server' is signed by an authority that is not in " + authority.file());
  EXPECT_EQ(fault_of(other.issue_for_server(), "localhost", other.file()), "");
  const Pair pair = meet(tls::ServerContext(files), {});
  EXPECT_EQ(pair.client->fault().kind, Kind::unknown_authority);
  EXPECT_SAYS(pair.client->fault().words, "not in this system's store");
}

TEST_F(ServersCertificate, MustBeInItsTimeAndForServers) {
  EXPECT_EQ(fault_of(authority.issue({"server", "DNS:localhost", "serverAuth", -9, -1})),
            "its certificate 'CN=server' has expired");
  EXPECT_EQ(
      fault_of(authority.issue({"server", "DNS:localhost", "clientAuth"})),
      "its certificate 'CN=server' is not for servers (its extended key usage has no serverAuth)");
}

TEST_F(ServersCertificate, MayBeSignedByItselfWhereItIsTheAuthority) {
  const Shown shown = self_signed(directory, {"server", "DNS:localhost", "serverAuth"});
  EXPECT_SAYS(fault_of(shown), "is signed by itself");
  EXPECT_EQ(fault_of(shown, "localhost", shown.cert), "");
}

TEST_F(ServersCertificate, IsNotLookedAtWhereTheServerSpeaksNoTls) {
  const auto client = tls::ClientContext({authority.file(), "", ""}).connect("localhost");
  std::string plain;
  client->receive(std::string("\0SP\0\0\x31\0\0", 8), plain);
  EXPECT_EQ(client->fault().words, "it speaks SP, and no TLS: it means tcp://");
}

}  // namespace
}  // namespace domed::test
