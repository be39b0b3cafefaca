#include "tls/certificate.h"

#include "pair.h"
#include "tls/files.h"

namespace domed::test {
namespace {

class CertificateTest : public TlsTest {
 protected:
  tls::Owned<X509> certificate(const Wanted& kind) const {
    return std::move(tls::read_certificates(authority.issue(kind).cert).front());
  }
  // Or the fault, in brackets.
  std::string name(const std::string& common, const std::string& names = "") const {
    const auto found = tls::name_of(certificate({common, names}).get());
    return found.fault.empty() ? found.name : "[" + found.fault + "]";
  }
};

TEST_F(CertificateTest, ItsNameIsTheFirstOfTheKindThatComesFirst) {
  const std::string uri = "URI:spiffe://example.org/ci", dns = "DNS:ci.example",
                    mail = "email:ci@example.org";
  EXPECT_EQ(name("ci"), "ci");
  EXPECT_EQ(name("ci", mail), "ci@example.org");
  EXPECT_EQ(name("ci", mail + "," + dns), "ci.example");
  EXPECT_EQ(name("ci", mail + "," + dns + "," + uri + ",URI:x:y"), "spiffe://example.org/ci");
  EXPECT_EQ(name("ci", "IP:192.0.2.1"), "ci");
}

TEST_F(CertificateTest, ANameIsOfPlainCharactersOrNone) {
  for (const char* odd :
       {"a b", "*", "a*", "a'b", "\x1b[2J", "caf\xc3\xa9", "a,b", "cert:x\"", "a%20"})
    EXPECT_NE(name(odd).find("with characters that are not allowed"), std::string::npos) << odd;
  EXPECT_EQ(name("ci", "DNS:*.example").front(), '[') << "and not the next one";
  EXPECT_EQ(name(std::string("ci\0root", 7)).front(), '[');
  EXPECT_EQ(name(""), "[has no name: no URI, DNS name, e-mail address or common name]");
  EXPECT_EQ(name("a", "URI:" + std::string(256, 'x')), "[has a name of more than 255 bytes]");
}

TEST_F(CertificateTest, ItsSubjectForgesNoLine) {
  const std::string subject = tls::subject_of(certificate({"a\n\x1b'b\x7f\xe2\x80\xa8"}).get());
  for (const char c : subject) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << subject;
  EXPECT_LT(tls::subject_of(certificate({std::string(60, '\n')}).get()).size(), 130u);
}

}  // namespace
}  // namespace domed::test
