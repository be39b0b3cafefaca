#include "api/audit.h"

#include <gtest/gtest.h>

namespace domed {
namespace {

class AuditTest : public testing::Test {
 protected:
  // What was asked in pieces, and answered.
  void piece(const std::string& method, const Json& params, const Json& result) {
    Request request;
    request.method = method;
    request.params = params.dump();
    audit.witness(operator_, request, true)(result.dump(), nullptr);
  }
  std::vector<std::string> told(const char* key) const {
    std::vector<std::string> out;
    for (const auto& line : lines) out.push_back(line.value(key, ""));
    return out;
  }

  using Texts = std::vector<std::string>;
  const IdentityPtr operator_ =
      std::make_shared<const Identity>(Identity{"cert:mary", Role::admin});
  std::vector<OrderedJson> lines;
  Audit audit{[this](const OrderedJson& line) { lines.push_back(line); }};
};

// Each is a whole copy of the store, whatever its pages say.
TEST_F(AuditTest, EachBackupIsTold) {
  for (const char* id : {"a", "b", "c"})
    for (const Json& params : {Json::object(), Json{{"backup_id", id}}, Json{{"backup_id", id}}})
      piece("Backup", params, {{"backup_id", id}, {"b64", std::string(200'000, 'A')}});
  EXPECT_EQ(told("backup_id"), (Texts{"a", "b", "c"}));
}

TEST_F(AuditTest, EachImportIsTold) {
  const auto import = [&](const std::string& job, const std::string& log) {
    const Json result{{"job_id", job}, {"log_id", log}};
    piece("ImportJob", {{"job_id", job}, {"record", {{"log_id", log}}}, {"last", false}}, result);
    piece("ImportJob", {{"job_id", job}, {"log_id", log}}, result);
  };
  for (const auto& [job, log] : {std::pair{"j", "a"}, {"j", "b"}, {"k", "b"}, {"j", "a"}})
    import(job, log);
  EXPECT_EQ(told("job_id"), (Texts{"j", "j", "k", "j"}));
  EXPECT_EQ(told("log_id"), (Texts{"a", "b", "b", "a"})) << "what was gone may come again";
}

TEST_F(AuditTest, PiecesAreOneLineWhateverComesBetween) {
  piece("Backup", Json::object(), {{"backup_id", "a"}});
  audit.done(*operator_, "CancelJob", "j");
  piece("Backup", {{"backup_id", "a"}}, {{"backup_id", "a"}});
  EXPECT_EQ(told("method"), (Texts{"Backup", "CancelJob"}));
}

// What one identity asked and failed in, told and counted.
TEST_F(AuditTest, AFloodOfFailuresIsCounted) {
  const auto fail = [&](const std::string& job, const char* error) {
    Request request;
    request.method = "CancelJob";
    request.params = Json{{"job_id", job}}.dump();
    const ApiError why(error, "no");
    audit.witness(operator_, request, false)("", &why);
  };
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 500; ++i) fail("j" + std::to_string(i), "E_NOT_FOUND");
  fail("theirs", "E_FORBIDDEN");
  EXPECT_EQ(lines.back()["outcome"], "E_FORBIDDEN") << "not hidden behind the flood";
  audit.done(*operator_, "CancelJob", "mine");
  EXPECT_EQ(lines.back()["job_id"], "mine") << "a change is always told";
  const auto seconds =
      std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_LE(lines.size(), static_cast<std::size_t>(20 * (seconds + 1) + 2));
  // Somebody else's line brings the count, once the second is over.
  const auto counted = [&] {
    std::uint64_t told = 0, untold = 0;
    for (const auto& line : lines) {
      told += line.value("outcome", "") == "E_NOT_FOUND";
      untold += line.value("untold", std::uint64_t{0});
    }
    return told + untold;
  };
  while (counted() < 500) audit.done({"cert:john", Role::submitter}, "HoldJob", "j");
  EXPECT_EQ(counted(), 500u);
}

TEST_F(AuditTest, WhatIsRepeatedIsCounted) {
  const auto fail = [&](const char* job) {
    audit.failed(*operator_, "CancelJob", job, {"E_NOT_FOUND", "no"});
  };
  for (int i = 0; i < 5; ++i) fail("a");
  fail("b");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1]["untold"], 4);
}

// Which of the two was left out, and at the end without a wait.
TEST_F(AuditTest, WhatIsLeftOutIsToldAtTheEnd) {
  const auto twice = [&](const Identity& who, const char* error) {
    for (int i = 0; i < 2; ++i) audit.failed(who, "CancelJob", "j", {error, "no"});
  };
  twice({"token:x", Role::none}, "E_FORBIDDEN");
  twice(*operator_, "E_FORBIDDEN");
  lines.clear();
  audit.tell_rest();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], (OrderedJson{{"who", "several"}, {"outcome", "refused"}, {"untold", 1}}));
  EXPECT_EQ(
      lines[1],
      (OrderedJson{
          {"who", "cert:mary"}, {"role", "operator"}, {"outcome", "refused"}, {"untold", 1}}));
  lines.clear();
  audit.tell_rest();
  EXPECT_TRUE(lines.empty());
  twice(*operator_, "E_NOT_FOUND");
  lines.clear();
  audit.tell_rest();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["outcome"], "failed");
}

TEST_F(AuditTest, IdentitiesWithoutNumberTakeNoMemoryWithoutBound) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 2000; ++i)
    audit.failed({"cert:" + std::to_string(i), Role::reader}, "CancelJob", "",
                 {"E_FORBIDDEN", "no"});
  const auto seconds =
      std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_LE(lines.size(), static_cast<std::size_t>((256 + 20) * (seconds + 1)));
}

}  // namespace
}  // namespace domed
