#include "pair.h"

namespace domed::test {
namespace {

using testing::error_of;

class Reload : public TlsTest {
 protected:
  void SetUp() override { files.crl = authority.write_list(); }
  Pair meet_at(const tls::ServerContext& server, const Shown& shown) const {
    return meet(server, {authority.file(), shown.cert, shown.key});
  }
};

TEST_F(Reload, ObjectsToThoseAloneWhoAreRevokedNow) {
  const Shown good = authority.issue(wanted), bad = authority.issue({"mallory"});
  tls::ServerContext server(files);
  const Pair theirs = meet_at(server, good), hers = meet_at(server, bad);
  authority.revoke(bad);
  authority.write_list();
  EXPECT_EQ(server.objection_to(*hers.server), std::nullopt) << "not yet";
  server.use(tls::ServerContext::load(files));
  EXPECT_EQ(server.objection_to(*theirs.server), std::nullopt);
  EXPECT_EQ(server.objection_to(*hers.server),
            "its certificate 'CN=mallory' is revoked by " + files.crl);
  EXPECT_EQ(hers.server->state(), tls::Session::State::up) << "to be closed by whoever has it";
  EXPECT_FALSE(meet_at(server, bad).is_up());
}

TEST_F(Reload, ObjectsToClientsOfAnAuthorityThatWent) {
  tls::ServerContext server(files);
  const Pair pair = meet_at(server, authority.issue(wanted));
  const Authority other(directory, "other");
  std::filesystem::copy_file(other.file(), files.client_ca,
                             std::filesystem::copy_options::overwrite_existing);
  server.use(tls::ServerContext::load(files));
  EXPECT_EQ(server.objection_to(*pair.server),
            "its certificate 'CN=ci' is signed by an authority that is not in " + files.client_ca);
}

// A short time of a certificate is the one revocation that needs no list.
TEST_F(Reload, ObjectsToWhoseTimeIsOver) {
  constexpr std::int64_t kDay = std::int64_t{24} * 3600 * 1'000'000;
  std::int64_t later = 0;
  tls::ServerContext server(files, [&] { return now_micros() + later; });
  const Pair brief = meet_at(server, authority.issue({"brief", "", "clientAuth", -1, 2})),
             lasting = meet_at(server, authority.issue(wanted)),
             without = meet(server, {authority.file(), "", ""});
  EXPECT_EQ(server.objection_to(*brief.server), std::nullopt);
  later = 3 * kDay;
  EXPECT_EQ(server.objection_to(*brief.server), "its certificate 'CN=brief' has expired");
  EXPECT_EQ(server.objection_to(*lasting.server), std::nullopt);
  EXPECT_EQ(server.objection_to(*without.server), std::nullopt);
}

TEST_F(Reload, ObjectsWhereTheTimeOfAnAuthorityIsOver) {
  constexpr std::int64_t kDay = std::int64_t{24} * 3600 * 1'000'000;
  const Authority brief(directory, "brief", 2);
  files.client_ca = brief.file(), files.crl.clear();
  tls::ServerContext server(files, [] { return now_micros() + 3 * kDay; });
  const Pair pair = meet_at(server, brief.issue(wanted));
  EXPECT_EQ(server.objection_to(*pair.server),
            "the authority of its certificate, 'CN=brief', has expired");
}

TEST_F(Reload, EndsNobodyBecauseATimeOfAListIsOver) {
  tls::ServerContext server(files);
  const Pair pair = meet_at(server, authority.issue(wanted));
  authority.write_list(-9, -1);
  server.use(tls::ServerContext::load(files));
  EXPECT_EQ(server.objection_to(*pair.server), std::nullopt);
  EXPECT_FALSE(meet_at(server, authority.issue(wanted)).is_up());
}

// What a deployment says of now: not what it said at the start.
TEST_F(Reload, TakesOtherFiles) {
  const Shown bad = authority.issue({"mallory"});
  tls::ServerFiles first = files;
  first.crl.clear();
  tls::ServerContext server(first);
  const Pair hers = meet_at(server, bad);
  authority.revoke(bad);
  authority.write_list();
  server.use(tls::ServerContext::load(files));
  EXPECT_EQ(server.objection_to(*hers.server),
            "its certificate 'CN=mallory' is revoked by " + files.crl);
  const Authority other(directory, "other");
  files.client_ca = other.file();
  files.crl.clear();
  server.use(tls::ServerContext::load(files));
  EXPECT_FALSE(meet_at(server, authority.issue(wanted)).is_up());
}

TEST_F(Reload, ObjectsToThoseWithoutACertificateOnceOneIsRequired) {
  files.certificate_required = false;
  tls::ServerContext server(files);
  const Pair pair = meet(server, {authority.file(), "", ""});
  files.certificate_required = true;
  server.use(tls::ServerContext::load(files));
  EXPECT_EQ(server.objection_to(*pair.server), "it has no certificate");
}

TEST_F(Reload, LeavesThoseWithoutACertificateAlone) {
  files.certificate_required = false;
  tls::ServerContext server(files);
  const Pair pair = meet(server, {authority.file(), "", ""});
  server.use(tls::ServerContext::load(files));
  EXPECT_EQ(server.objection_to(*pair.server), std::nullopt);
}

TEST_F(Reload, OfWhatCannotBeUsedLeavesAllAsItIs) {
  tls::ServerContext server(files);
  Pair before = meet_at(server, authority.issue(wanted));
  scratch.write("authority.pem.crl", "nonsense");
  EXPECT_NE(error_of([&] {
              server.use(tls::ServerContext::load(files));
            }).find(files.crl + " holds no list"),
            std::string::npos);
  EXPECT_EQ(server.objection_to(*before.server), std::nullopt);
  EXPECT_TRUE(meet_at(server, authority.issue(wanted)).is_up());
  before.client->send("still here");
  before.carry();
  EXPECT_EQ(before.at_server, "still here");
}

TEST_F(Reload, HasNewOnesSeeTheNewCertificate) {
  tls::ServerContext server(files);
  const Shown next = authority.issue_for_server("DNS:next.example");
  for (const auto& [from, to] : {std::pair(next.cert, files.cert), std::pair(next.key, files.key)})
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  server.use(tls::ServerContext::load(files));
  const Shown shown = authority.issue(wanted);
  EXPECT_TRUE(meet(server, {authority.file(), shown.cert, shown.key}, 0, "next.example").is_up());
}

}  // namespace
}  // namespace domed::test
