#include "tls/files.h"

#include <openssl/pem.h>
#include <sys/stat.h>

#include "base/units.h"
#include "pair.h"

namespace domed::test {
namespace {

using testing::error_of;

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

class FilesTest : public TlsTest {
 protected:
  std::string refusal() const {
    return error_of([&] { tls::ServerContext server(files); });
  }
  std::string refusal_of_client(const tls::ClientFiles& of) const {
    return error_of([&] { tls::ClientContext client(of); });
  }
};

TEST_F(FilesTest, ThatAreMissingAreNamed) {
  for (std::string* file : {&files.cert, &files.key, &files.client_ca, &files.crl}) {
    const std::string before = std::exchange(*file, directory + "/none");
    EXPECT_SAYS(refusal(), "cannot read " + directory + "/none: No such file or directory");
    *file = before;
  }
  EXPECT_SAYS(refusal_of_client({directory + "/none", "", ""}),
              "cannot read " + directory + "/none");
}

TEST_F(FilesTest, ThatHoldOtherThingsAreNamed) {
  const std::string odd = scratch.write("odd", "nothing of that kind");
  ASSERT_EQ(chmod(odd.c_str(), 0600), 0);
  const std::pair<std::string*, const char*> all[] = {{&files.cert, "certificate"},
                                                      {&files.key, "private key"},
                                                      {&files.client_ca, "certificate"},
                                                      {&files.crl, "list of revoked certificates"}};
  for (const auto& [file, what] : all) {
    const std::string before = std::exchange(*file, odd);
    EXPECT_SAYS(refusal(), odd + " holds no " + what + " in PEM");
    *file = before;
  }
  files.client_ca =
      scratch.write("cut", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  EXPECT_SAYS(refusal(), files.client_ca + " holds a damaged certificate");
}

TEST_F(FilesTest, OfAKeyAreClosedToOthers) {
  for (const mode_t mode : {0644u, 0604u}) {
    ASSERT_EQ(chmod(files.key.c_str(), mode), 0);
    EXPECT_SAYS(refusal(), files.key + " holds a secret and is open to others");
    EXPECT_SAYS(refusal_of_client({"", files.cert, files.key}), "is open to others");
  }
  ASSERT_EQ(chmod(files.key.c_str(), 0640), 0);
  EXPECT_EQ(refusal(), "");
}

TEST_F(FilesTest, ThatOthersCouldReplaceAreRefused) {
  ASSERT_EQ(chmod(directory.c_str(), 0777), 0);
  EXPECT_SAYS(refusal(), files.cert + " could be replaced by others: " + directory);
}

TEST_F(FilesTest, ThatDoNotBelongTogetherAreNamed) {
  files.key = authority.issue_for_server().key;
  EXPECT_SAYS(refusal(), files.key + " is not the key of the first certificate in " + files.cert);
  EXPECT_SAYS(refusal_of_client({"", files.cert, ""}),
              "is a certificate without its key: name both");
}

TEST_F(FilesTest, WithAKeyThatIsLockedAreNotAskedFor) {
  const auto key = tls::read_key(files.key);
  std::FILE* const out = std::fopen(files.key.c_str(), "w");
  PEM_write_PrivateKey(out, key.get(), EVP_aes_128_cbc(), nullptr, 0, nullptr,
                       const_cast<char*>("secret"));
  std::fclose(out);
  EXPECT_SAYS(refusal(), files.key + " is locked by a passphrase");
}

TEST_F(FilesTest, ThatExpireWithinAMonthAreTold) {
  constexpr std::int64_t kDay = std::int64_t{24} * 3600 * 1'000'000;
  files.crl = authority.write_list(-1, 10);
  const tls::ServerContext server(files);
  const std::int64_t now = now_micros();
  const auto texts = server.expiring(now);
  ASSERT_EQ(texts.size(), 1u);
  EXPECT_EQ(texts[0], files.crl + " expires on " + format_time(now + 10 * kDay).substr(0, 10) +
                          " (what is revoked; once it is over every client is refused)");
  EXPECT_EQ(server.expiring(now + 70 * kDay).size(), 3u);
  EXPECT_SAYS(server.expiring(now + 11 * kDay)[0], files.crl + " expired on ");
  EXPECT_EQ(server.expiring(now - 25 * kDay).size(), 0u);
}

TEST_F(FilesTest, ThatHaveExpiredAreTakenAllTheSame) {
  const Shown old = authority.issue({"server", "DNS:localhost", "serverAuth", -9, -1});
  files.cert = old.cert;
  files.key = old.key;
  EXPECT_SAYS(tls::ServerContext(files).expiring(now_micros()).at(0), files.cert + " expired on ");
}

}  // namespace
}  // namespace domed::test
