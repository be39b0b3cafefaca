#include "ws/frames.h"

#include <gtest/gtest.h>

#include <random>

#include "ws/session.h"

namespace domed::ws {
namespace {

using Messages = std::vector<std::string>;

// A client's frame with "first" as its first byte.
std::string frame(unsigned first, std::string text, std::string mask = "\x12\x34\x56\x78") {
  std::string out(header(Kind::more, text.size()).view());
  out[0] = static_cast<char>(first);
  out[1] = static_cast<char>(out[1] | 0x80);
  for (std::size_t i = 0; i < text.size(); ++i) text[i] ^= mask[i % 4];
  return out + mask + text;
}

struct Read {
  Messages messages;
  Code fault;
  bool closed;
  std::optional<std::string> ping;
};

Read read(const std::string& bytes, std::size_t piece = 1 << 20, std::size_t most = 1000) {
  Reader reader(most);
  Read out{};
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    reader.take(std::string_view(bytes).substr(at, piece), out.messages);
  out.fault = reader.fault();
  out.closed = reader.closed();
  out.ping = reader.take_ping();
  return out;
}

TEST(Frames, AreTakenApartWhereverTheyAreCut) {
  const std::string bytes = frame(0x82, "one") + frame(0x02, "t") + frame(0x89, "are you there") +
                            frame(0x00, "") + frame(0x80, "wo") + frame(0x8a, "") +
                            frame(0x82, "") + frame(0x82, std::string(900, 'x'));
  for (std::size_t piece = 1; piece <= bytes.size(); piece += piece < 40 ? 1 : 97) {
    const Read found = read(bytes, piece);
    EXPECT_EQ(found.messages, (Messages{"one", "two", "", std::string(900, 'x')})) << piece;
    EXPECT_EQ(found.fault, Code::none) << piece;
    EXPECT_EQ(found.ping, "are you there");
  }
}

TEST(Frames, SayTheirLengthInAsFewBytesAsItTakes) {
  for (const std::size_t size : {0u, 125u, 126u, 65535u, 65536u, 1u << 20}) {
    const std::string text(size, 'x');
    EXPECT_EQ(read(frame(0x82, text), 4096, size).messages, Messages{text}) << size;
    EXPECT_EQ(header(Kind::binary, size).size, size < 126 ? 2u : size < 65536 ? 4u : 10u) << size;
  }
}

TEST(Frames, ThatNoClientSendsAreFaults) {
  const std::string good = frame(0x82, "x");
  std::string bare = good;
  bare[1] = static_cast<char>(bare[1] & 0x7f);
  const std::string mask(4, '\0');
  struct {
    const char* what;
    std::string bytes;
    Code fault;
  } const cases[] = {
      {"not masked", bare, Code::broken},
      {"an extension", frame(0xc2, "x"), Code::broken},
      {"another kind", frame(0x83, "x"), Code::broken},
      {"another kind of control", frame(0x8b, "x"), Code::broken},
      {"text", frame(0x81, "x"), Code::not_binary},
      {"more of nothing", frame(0x80, "x"), Code::broken},
      {"a message in a message", frame(0x02, "x") + good, Code::broken},
      {"a ping in parts", frame(0x09, "x"), Code::broken},
      {"a long ping", frame(0x89, std::string(126, 'x')), Code::broken},
      {"a long close", frame(0x88, std::string(1000, 'x')), Code::broken},
      {"half a code", frame(0x88, "x"), Code::broken},
      {"too long", frame(0x82, std::string(1001, 'x')), Code::too_large},
      {"too long in parts", frame(0x02, std::string(999, 'x')) + frame(0x00, "xx"),
       Code::too_large},
      {"a length of 2^63", std::string("\x82\xff\x80\0\0\0\0\0\0\0", 10) + mask, Code::too_large},
      {"a length of 2^64-1", "\x82\xff" + std::string(8, '\xff') + mask, Code::too_large},
      {"5 in 16 bits", std::string("\x82\xfe\0\5", 4) + mask, Code::broken},
      {"200 in 64 bits", std::string("\x82\xff\0\0\0\0\0\0\0\xc8", 10) + mask, Code::broken},
  };
  for (const auto& item : cases)
    for (const std::size_t piece : {1, 1 << 20}) {
      const Read found = read(frame(0x82, "before") + item.bytes + frame(0x82, "after"), piece);
      EXPECT_EQ(found.fault, item.fault) << item.what;
      EXPECT_EQ(found.messages, Messages{"before"}) << item.what;
    }
}

TEST(Frames, OfOneMessageHaveAnEnd) {
  Reader reader(1000);
  Messages messages;
  reader.take(frame(0x02, ""), messages);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += frame(0x00, "");
  for (int i = 0; i < 100 && reader.fault() == Code::none; ++i) reader.take(many, messages);
  EXPECT_EQ(reader.fault(), Code::broken);
}

TEST(Frames, BehindACloseAreNotRead) {
  const Read found = read(frame(0x82, "one") + frame(0x88, "\x03\xe8") + frame(0x82, "two"));
  EXPECT_TRUE(found.closed);
  EXPECT_EQ(found.messages, Messages{"one"});
}

TEST(Frames, TakeNoMemoryForWhatIsOnlyAnnounced) {
  Reader reader(std::size_t{1} << 40);
  Messages messages;
  reader.take(std::string("\x82\xff\0\0\0\xff\0\0\0\0mask", 14), messages);
  EXPECT_EQ(reader.fault(), Code::none);
  EXPECT_EQ(reader.held(), 0u);
}

TEST(Frames, OfALongMessageAreNoLongerThanAStockClientTakes) {
  for (const std::size_t more : {std::size_t{0}, kMostFrame, 3 * kMostFrame - 4}) {
    const std::string body(more, 'x');
    const std::string bytes = message("head", body);
    std::string whole;
    std::size_t at = 0;
    for (bool first = true, last = false; !last; first = false) {
      ASSERT_LT(at, bytes.size());
      last = (bytes[at] & 0x80) != 0;
      EXPECT_EQ(bytes[at] & 0x0f, first ? 2 : 0);
      // Four bytes, or as many as may be.
      const std::size_t size = bytes[at + 1] == 127 ? kMostFrame : 4;
      const Header expected = header(first ? Kind::binary : Kind::more, size, last);
      EXPECT_EQ(bytes.substr(at, expected.size), expected.view());
      whole += bytes.substr(at + expected.size, size);
      at += expected.size + size;
    }
    EXPECT_EQ(at, bytes.size());
    EXPECT_EQ(whole, "head" + body);
  }
}

// Of a peer that sends whatever it likes: no more is kept than may be, and nothing is said without
// end.
TEST(Frames, OfRandomBytesDoNoHarm) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 20'000; ++round) {
    Reader reader(100);
    Messages messages;
    for (int frames = 0; frames < 8; ++frames) {
      std::string bytes =
          frame(random() % 3 ? 0x82 : random() & 0xff, std::string(random() % 130, 'x'));
      if (random() % 2) bytes[random() % bytes.size()] = static_cast<char>(random());
      reader.take(bytes, messages);
      ASSERT_LE(reader.held(), 100u);
    }
    for (const auto& text : messages) ASSERT_LE(text.size(), 100u);
  }
}

std::shared_ptr<const Offer> any_offer() {
  Offer out;
  out.protocol = "rep.sp.nanomsg.org";
  return std::make_shared<const Offer>(out);
}

const std::string kRequest =
    "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: rep.sp.nanomsg.org\r\n\r\n";

TEST(Session, TakesARequestWhereverItIsCut) {
  const std::string bytes = kRequest + frame(0x82, "x") + frame(0x89, "p") + frame(0x89, "q");
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    Session session(any_offer(), 100);
    Messages messages;
    std::string said;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      session.receive(std::string_view(bytes).substr(at, piece), messages);
      said += session.take_outgoing();
    }
    EXPECT_EQ(session.state(), Session::State::up);
    EXPECT_EQ(messages, Messages{"x"}) << piece;
    EXPECT_TRUE(said.starts_with("HTTP/1.1 101 ")) << said;
    EXPECT_TRUE(said.ends_with(control(Kind::pong, "q"))) << "the newest ping is answered";
  }
}

TEST(Session, RefusesWhatIsNoRequestBeforeItEnds) {
  for (const std::string& bytes : {std::string("\0SP\0\0\x30\0\0", 8), std::string("\x16\3\1"),
                                   "GET /" + std::string(kMostHead, 'x')}) {
    Session session(any_offer(), 100);
    Messages messages;
    session.receive(bytes, messages);
    EXPECT_EQ(session.state(), Session::State::refused);
    EXPECT_TRUE(
        session.take_outgoing().starts_with(bytes[0] == 'G' ? "HTTP/1.1 431 " : "HTTP/1.1 400 "));
    EXPECT_EQ(session.farewell(), "");
    session.receive(kRequest, messages);
    EXPECT_EQ(session.state(), Session::State::refused);
  }
}

TEST(Session, EndsWithTheCodeThatSaysWhy) {
  const auto ends = [](const std::string& bytes) {
    Session session(any_offer(), 100);
    Messages messages;
    session.receive(kRequest + bytes, messages);
    return session.farewell();
  };
  EXPECT_EQ(ends(""), "\x88\x02\x03\xe9");
  EXPECT_EQ(ends(frame(0x88, "")), "\x88\x02\x03\xe8");
  EXPECT_EQ(ends("\x82\x01x"), "\x88\x02\x03\xea");
  EXPECT_EQ(ends(frame(0x81, "x")), "\x88\x02\x03\xeb");
  EXPECT_EQ(ends(frame(0x82, std::string(101, 'x'))), "\x88\x02\x03\xf1");
}

}  // namespace
}  // namespace domed::ws
