#include "nodes/node_words.h"

#include <gtest/gtest.h>

#include "domed/leases.h"

// What a node says of itself in its lease, and what others make of it.
namespace domed {
namespace {

using namespace std::chrono_literals;

NodeWords words_of(const std::string& node) {
  NodeWords words;
  words.node = node;
  words.name = "name of " + node;
  words.machine = "machine";
  words.boot = "boot";
  words.place = "machine/1/2";
  words.version = "0.1.0";
  words.formats = {1, 3};
  words.endpoints = {"tls+tcp://host:1"};
  words.queues = {"default", "gpu"};
  words.back_in = 30s;
  words.time = 1'700'000'000'000'000;
  return words;
}

TEST(NodeWords, AreReadAsTheyWereSaid) {
  const std::string text = words_of("a").text();
  EXPECT_EQ(text, NodeWords::parse(text).text());
  EXPECT_EQ(30s, NodeWords::parse(text).back_in);
  EXPECT_EQ(2U, NodeWords::parse(text).queues.size());
}

TEST(NodeWords, OfNewerReleasesAreReadToo) {
  const NodeWords words = NodeWords::parse(R"({"node":"a","formats":[2,4,"x"],"new":{"b":[1]}})");
  EXPECT_EQ("a", words.node);
  EXPECT_EQ(0U, words.formats.newest) << "formats in words that we do not understand";
}

TEST(NodeWords, ThatAreNoneSayNothing) {
  for (const char* text : {"", "no json", "[]", "\"a\"", R"({"node":1,"formats":1,"queues":"x"})",
                           R"({"back_in":-1,"time":-5,"endpoints":[1,2]})"}) {
    const NodeWords words = NodeWords::parse(text);
    EXPECT_EQ(NodeWords().text(), words.text()) << text;
  }
}

TEST(NodeWords, FitIntoALease) {
  NodeWords words = words_of("a");
  words.queues.assign(500, "a queue with quite a long name");
  EXPECT_LE(words.text().size(), kMaxLeaseText);
  EXPECT_EQ("name of a", NodeWords::parse(words.text()).name);
}

TEST(NodeWords, TellWhatANodeTakes) {
  NodeWords words = words_of("a");
  EXPECT_FALSE(NodeWords::parse(words.text()).takes) << "as of an older release";
  words.takes = {"a", {"default", "gpu"}, {{"make", {std::string(64, '1')}}}, true};
  const auto takes = NodeWords::parse(words.text()).takes;
  ASSERT_TRUE(takes);
  EXPECT_EQ("", lacking(*takes, {"gpu", "make", std::string(64, '1'), "", ""}));
  EXPECT_EQ("has another tool 'make'", lacking(*takes, {"gpu", "make", "2", "", ""}));
  for (int i = 0; i < 200; ++i) words.takes->tools["tool " + std::to_string(i)] = {"hash"};
  const NodeWords less = NodeWords::parse(words.text());
  EXPECT_FALSE(less.takes) << "rather nothing than a part";
  EXPECT_EQ(2U, less.queues.size());
}

TEST(NodeWords, LetNobodyBeWaitedForForEver) {
  EXPECT_EQ(NodeWords::kMaxBackIn, NodeWords::parse(R"({"back_in":18446744073709551615})").back_in);
}

TEST(Namesakes, AreOurselvesWhereMachineAndDirectoryAreTheSame) {
  const NodeWords self = words_of("a");
  EXPECT_EQ(Namesake::ourselves, namesake(words_of("a"), self));
  NodeWords before = words_of("a");
  before.boot = "former boot";
  EXPECT_EQ(Namesake::rebooted, namesake(before, self));
  before.boot = "";
  EXPECT_EQ(Namesake::ourselves, namesake(before, self)) << "its runs may live";
}

TEST(Namesakes, AreOthersInAnyOtherCase) {
  const NodeWords self = words_of("a");
  NodeWords other = words_of("a");
  other.place = "machine/1/3";
  EXPECT_EQ(Namesake::another, namesake(other, self)) << "a copy of the state_dir";
  other = words_of("a");
  other.machine = "another machine";
  EXPECT_EQ(Namesake::another, namesake(other, self));
  EXPECT_EQ(Namesake::another, namesake(words_of("b"), self));
  EXPECT_EQ(Namesake::another, namesake(NodeWords(), NodeWords())) << "nothing is known of either";
}

TEST(Skews, CountTheAgeOfTheWords) {
  const NodeWords words = words_of("a");
  EXPECT_EQ(0s, skew(words.time + 4'000'000, words, 4s));
  EXPECT_EQ(2s, skew(words.time + 6'000'000, words, 4s));
  EXPECT_EQ(-3s, skew(words.time + 1'000'000, words, 4s));
}

TEST(Formats, AreTheNewestThatAllRead) {
  EXPECT_EQ(3U, format_to_write({2, 3}, {}));
  EXPECT_EQ(2U, format_to_write({2, 3}, {{1, 2}, {2, 4}}));
  EXPECT_EQ(0U, format_to_write({2, 3}, {{4, 5}})) << "too new for us";
  EXPECT_EQ(0U, format_to_write({2, 3}, {{}})) << "a node that says nothing";
  EXPECT_TRUE((Formats{2, 3}).reads(2));
  EXPECT_FALSE((Formats{2, 3}).reads(4));
}

// So that they fit into a lease, however many there are, and still differ.
TEST(LimitsOfQueues, AreSaidInWordsOrByTheirHash) {
  EXPECT_EQ("", limits_text({}));
  EXPECT_EQ("a: 0, b: 12", limits_text({{"a", 0}, {"b", 12}}));
  const std::string far = limits_text({{std::string(5000, 'x'), 1}});
  EXPECT_EQ(0u, far.find("1 queues, sha256 "));
  EXPECT_NE(far, limits_text({{std::string(5000, 'x'), 2}}));
  NodeWords words;
  words.limits = far;
  EXPECT_EQ(far, NodeWords::parse(words.text()).limits);
}

}  // namespace
}  // namespace domed
