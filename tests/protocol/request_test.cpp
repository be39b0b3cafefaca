#include "protocol/request.h"

#include "support/harness.h"

namespace domed::test {
namespace {

int code(const std::string& bytes) {
  Request request;
  try {
    read_request(bytes, request);
    return 0;
  } catch (const RpcError& e) {
    return e.code();
  } catch (const ApiError&) {
    return -32602;
  }
}

TEST(Request, KeepsTheIdAsItCame) {
  for (const char* id : {"1", "\"a b\"", "-1.50", "12345678901234567890123"}) {
    Request request;
    read_request(std::string(R"( {"jsonrpc" : "2.0", "id" : )") + id + R"( , "method":"X" } )",
                 request);
    EXPECT_EQ(id, request.id);
    EXPECT_EQ("{}", request.params);
  }
}

TEST(Request, TellsUnparsableFromNoRequest) {
  EXPECT_EQ(-32700, code(""));
  EXPECT_EQ(-32700, code("\x80\x81"));
  EXPECT_EQ(-32700, code(R"({"jsonrpc":"2.0","id":1,"id":2,"method":"X"})"));
  EXPECT_EQ(-32600, code("[]"));
  EXPECT_EQ(-32600, code("null"));
  EXPECT_EQ(-32600, code(R"({"jsonrpc":"2.0","method":"X"})"));
  EXPECT_EQ(-32600, code(R"({"jsonrpc":"2.0","id":null,"method":"X"})"));
  EXPECT_EQ(-32600, code(R"({"jsonrpc":"1.0","id":1,"method":"X"})"));
  EXPECT_EQ(-32600, code(R"({"jsonrpc":"2.0","id":1,"method":7})"));
  EXPECT_EQ(-32600, code(R"({"jsonrpc":"2.0","id":1,"method":"X","more":1})"));
  EXPECT_EQ(-32602, code(R"({"jsonrpc":"2.0","id":1,"method":"X","params":[]})"));
}

TEST(Request, NamesTheIdEvenWhenTheRestIsWrong) {
  Request request;
  EXPECT_ANY_THROW(read_request(R"({"id":7,"jsonrpc":"2.0"})", request));
  EXPECT_EQ("7", request.id);
}

// Who asked for what is told of, whatever is wrong beside.
TEST(Request, TellsWhatCanBeReadWhateverElseIsWrong) {
  for (const char* wrong : {R"("more":1,"id":7,"jsonrpc":"2.0")", R"("id":7,"jsonrpc":"1.0")",
                            R"("jsonrpc":"2.0")", R"("id":7)"}) {
    Request request;
    EXPECT_ANY_THROW(read_request(
        std::string("{") + wrong + R"(,"method":"X","token":"t","params":{"a": 1}})", request));
    EXPECT_EQ("X", request.method) << wrong;
    EXPECT_EQ("t", request.token) << wrong;
    EXPECT_EQ(R"({"a":1})", request.params) << wrong;
    EXPECT_EQ(std::string(wrong).find("id") == std::string::npos ? "null" : "7", request.id);
  }
}

TEST(Params, RefuseByName) {
  Params params(R"({"a":"text","n":5,"null":null,"big":18446744073709551615})");
  EXPECT_EQ("text", params.text("a"));
  EXPECT_FALSE(params.text("null"));
  EXPECT_EQ("E_INVALID_REQUEST", error_name([&] { params.integer("a", 0, 0, 9); }));
  EXPECT_EQ("E_INVALID_REQUEST", error_name([&] { params.integer("n", 0, 6, 9); }));
  EXPECT_EQ("E_INVALID_REQUEST", error_name([&] { params.integer("big", 0, 0, INT64_MAX); }));
  params.done();
}

TEST(Params, RefuseWhatNobodyAskedFor) {
  Params params(R"({"known":1,"stray":2})");
  params.integer("known", 0, 0, 9);
  EXPECT_EQ("E_INVALID_REQUEST", error_name([&] { params.done(); }));
}

}  // namespace
}  // namespace domed::test
