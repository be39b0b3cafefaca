#include "runner/encoder.h"

#include <gtest/gtest.h>

#include <random>

#include "base/json.h"
#include "domed/support/hash.h"

namespace domed {
namespace {

struct Decoded {
  std::string bytes;
  std::vector<Json> logs, others;
};

Decoded decode(const std::vector<EncodedEvent>& events) {
  Decoded out;
  for (const auto& text : events) {
    const Json event = Json::parse(compact_json(text));
    if (event["type"] != "log") {
      out.others.push_back(event);
      continue;
    }
    const Json payload = event["payload"];
    EXPECT_EQ("stdout", payload["stream"]);
    EXPECT_LE(text.size(), kMaxPayload);
    std::string bytes;
    if (payload.contains("text"))
      bytes = payload["text"];
    else
      EXPECT_TRUE(from_base64(payload["b64"].get<std::string>(), bytes));
    out.bytes += bytes + (payload.value("eol", true) ? "\n" : "");
    out.logs.push_back(payload);
  }
  return out;
}

Decoded encode(std::string_view bytes, std::size_t chunk = std::string::npos) {
  LogEncoder encoder("stdout");
  std::vector<EncodedEvent> events;
  for (std::size_t at = 0; at < bytes.size(); at += std::min(chunk, bytes.size() - at))
    encoder.feed(bytes.substr(at, chunk), events);
  encoder.flush(true, events);
  return decode(events);
}

TEST(LogEncoder, GivesOneEventForEachLine) {
  LogEncoder encoder("stderr");
  std::vector<EncodedEvent> events;
  encoder.feed("one\n\ntwo", events);
  encoder.flush(true, events);
  const std::vector<EncodedEvent> expected = {
      R"({"type":"log","payload":{"stream":"stderr","text":"one"}})",
      R"({"type":"log","payload":{"stream":"stderr","text":""}})",
      R"({"type":"log","payload":{"stream":"stderr","text":"two","eol":false}})"};
  EXPECT_EQ(expected, events);
}

TEST(LogEncoder, EndsLinesAtLfOnly) {
  const std::string line("a\rb\fc\vd\0e\u2028f\u0085g\x7f", 17);
  const Decoded got = encode(line + "\r\n");
  ASSERT_EQ(1u, got.logs.size());
  EXPECT_EQ(Json(line + "\r"), got.logs[0]["text"]);
}

TEST(LogEncoder, KeepsAll256ByteValues) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const Decoded got = encode(all);
  EXPECT_EQ(all, got.bytes);
  ASSERT_EQ(2u, got.logs.size());
  EXPECT_TRUE(got.logs[0].contains("text"));
  EXPECT_TRUE(got.logs[1].contains("b64"));
}

TEST(LogEncoder, KeepsEachByteValueAsALineOfItsOwn) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += std::string(1, static_cast<char>(byte)) + "\n";
  for (const std::size_t chunk : {1u, 2u, 3u, 512u}) EXPECT_EQ(all, encode(all, chunk).bytes);
}

TEST(LogEncoder, UsesBase64ForLinesThatAreNotUtf8Alone) {
  const Decoded got = encode("gr\xc3\xbcn\n\xff\xfe\nplain\n");
  ASSERT_EQ(3u, got.logs.size());
  EXPECT_EQ("grün", got.logs[0]["text"]);
  EXPECT_EQ("//4=", got.logs[1]["b64"]);
  EXPECT_EQ("plain", got.logs[2]["text"]);
}

TEST(LogEncoder, JoinsCharactersThatReadsHaveSplit) {
  const Decoded got = encode("€ and 😀 and ü\n", 1);
  ASSERT_EQ(1u, got.logs.size());
  EXPECT_EQ("€ and 😀 and ü", got.logs[0]["text"]);
}

TEST(LogEncoder, FlushesAPartialLineUpToItsLastWholeCharacter) {
  LogEncoder encoder("stdout");
  std::vector<EncodedEvent> events;
  encoder.feed("prompt> \xe2\x82", events);
  EXPECT_TRUE(encoder.can_flush());
  encoder.flush(false, events);
  EXPECT_FALSE(encoder.can_flush());
  encoder.feed("\xac\n", events);
  const Decoded got = decode(events);
  ASSERT_EQ(2u, got.logs.size());
  EXPECT_EQ("prompt> ", got.logs[0]["text"]);
  EXPECT_EQ(false, got.logs[0]["eol"]);
  EXPECT_EQ("€", got.logs[1]["text"]);
}

TEST(LogEncoder, EndsAFlushedLineWithAnEmptyPiece) {
  LogEncoder encoder("stdout");
  std::vector<EncodedEvent> events;
  encoder.feed("10%\r", events);
  encoder.flush(false, events);
  encoder.feed("\n", events);
  EXPECT_EQ("10%\r\n", decode(events).bytes);
}

TEST(LogEncoder, CutsALongLineAtCharacters) {
  std::string line(1, 'x');
  while (line.size() < 5'000'000) line += "€";
  const Decoded got = encode(line + "\n", 65536);
  EXPECT_EQ(line + "\n", got.bytes);
  EXPECT_GT(got.logs.size(), 80u);
  for (const auto& log : got.logs) EXPECT_TRUE(log.contains("text"));
}

TEST(LogEncoder, CountsEscapesWhenItCuts) {
  const std::string zeros(200'000, '\0'), quotes(200'000, '"'), binary(200'000, '\xff');
  for (const auto& line : {zeros, quotes, binary}) EXPECT_EQ(line, encode(line, 4096).bytes);
}

TEST(LogEncoder, CutsAlikeWhateverTheReadsWere) {
  std::string line;
  for (int i = 0; i < 100'000; ++i) line += static_cast<char>(i % 7 ? 'a' : i % 256);
  EXPECT_EQ(encode(line, 1).logs, encode(line).logs);
}

TEST(LogEncoder, MakesProgressEventsOfMarkedLines) {
  const Decoded got = encode("::progress 0.42 half \"way\"\n::progress 1\r\n");
  EXPECT_EQ(2u, got.logs.size());
  ASSERT_EQ(2u, got.others.size());
  EXPECT_EQ(Json::parse(R"({"type":"progress","payload":{"value":0.42,"message":"half \"way\""}})"),
            got.others[0]);
  EXPECT_EQ(1.0, got.others[1]["payload"]["value"]);
}

TEST(LogEncoder, MakesNoProgressOfOtherLines) {
  const Decoded got = encode(
      "::progress 1.1 x\n::progress -1\n::progress nan\n::progress x\n ::progress 0.5\n"
      "::progress 0.5x\n::progress\n::progress 0.5 \xff\n::progress 0.5");
  EXPECT_EQ(9u, got.logs.size());
  EXPECT_TRUE(got.others.empty()) << Json(got.others).dump();
}

TEST(LogEncoder, MakesProgressEventsOfProgressLinesWhereAsked) {
  const std::string_view bytes =
      "PROGRESS:0.5\nPROGRESS: 0.75 nearly\nPROGRESS:1\r\nPROGRESS:2\nPROGRESS:x\nPROGRESS:\n"
      "progress:0.5\nPROGRESS:0.5x\n::progress 0.1\n";
  LogEncoder encoder("stdout", true);
  std::vector<EncodedEvent> events;
  encoder.feed(bytes, events);
  const Decoded got = decode(events);
  EXPECT_EQ(bytes, got.bytes);
  std::vector<Json> told;
  for (const auto& event : got.others) told.push_back(event["payload"]["value"]);
  EXPECT_EQ((std::vector<Json>{0.5, 0.75, 1.0, 0.1}), told);
  EXPECT_EQ("nearly", got.others.at(1)["payload"]["message"]);
  EXPECT_EQ(1u, encode(bytes).others.size());
}

std::string random_stream(std::mt19937& random) {
  static const std::vector<std::string> kParts = {"\n",
                                                  "\n\n",
                                                  "\r\n",
                                                  "a",
                                                  "text ",
                                                  "€",
                                                  "😀",
                                                  "\xe2\x82",
                                                  "\xf0\x9f",
                                                  "\xff",
                                                  "\xc3",
                                                  "\x80",
                                                  std::string(1, '\0'),
                                                  "\"\\",
                                                  "\x1b[0m",
                                                  std::string(70'000, 'y'),
                                                  std::string(9'000, '\1'),
                                                  std::string(50'000, '\xfe'),
                                                  "::progress 0.5 x\n"};
  std::string out;
  for (auto parts = random() % 60; parts > 0; --parts) {
    const auto at = random() % (kParts.size() * 2);  // the short ones more often
    out += kParts[at < kParts.size() ? at : at % 15];
  }
  return out;
}

TEST(LogEncoder, RestoresRandomStreamsFromRandomReads) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 20; ++round) {
    const std::string stream = random_stream(random);
    LogEncoder encoder("stdout");
    std::vector<EncodedEvent> events;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t chunk = 1 + random() % (random() % 2 ? 10 : 80'000);
      encoder.feed(std::string_view(stream).substr(at, chunk), events);
      if (random() % 4 == 0) encoder.flush(false, events);
      at += chunk;
    }
    encoder.flush(true, events);
    ASSERT_EQ(stream, decode(events).bytes) << "round " << round;
  }
}

}  // namespace
}  // namespace domed
