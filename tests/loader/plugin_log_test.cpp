#include "loader/plugin_log.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

namespace domed {
namespace {

class PluginLogTest : public ::testing::Test {
 protected:
  std::string logged(std::vector<std::string> secrets, Level level, const std::string& line) {
    std::ostringstream out;
    auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
    logger->set_pattern("%l %v");
    PluginLog("store-x", std::move(secrets), logger).log(level, line);
    logger->flush();
    return out.str();
  }
};

TEST_F(PluginLogTest, LinesNameThePlugin) {
  EXPECT_EQ(logged({}, Level::warning, "slow {} disk"), "warning store-x: slow {} disk\n");
}

TEST_F(PluginLogTest, SecretsAreMasked) {
  EXPECT_EQ(logged({"abc", "abcdef", ""}, Level::info, "key abcdef and abc"),
            "info store-x: key *** and ***\n");
}

TEST_F(PluginLogTest, ALineStaysOneLine) {
  EXPECT_EQ(logged({}, Level::error, "a\nb\x1b[0m"), "error store-x: a b [0m\n");
}

TEST_F(PluginLogTest, QuietLevelsAreDropped) {
  EXPECT_EQ(logged({}, Level::debug, "x"), "");
}

TEST_F(PluginLogTest, NoLoggerDropsLines) {
  PluginLog("x", {}, nullptr).log(Level::info, "y");
}

}  // namespace
}  // namespace domed
