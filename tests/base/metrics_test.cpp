#include "base/metrics.h"

#include <gtest/gtest.h>

namespace domed {
namespace {

using namespace std::chrono_literals;

TEST(Metrics, ValuesThatAreAskedMayHaveLabels) {
  Metrics metrics;
  metrics.gauges("a", "by queue", [] {
    return Metrics::Values{{metric_label("queue", "x"), 2}, {metric_label("queue", "y"), 0.5}};
  });
  metrics.counted("b_total", "from elsewhere", [] { return 7.0; });
  EXPECT_EQ(metrics.text(),
            "# HELP a by queue\n# TYPE a gauge\na{queue=\"x\"} 2\na{queue=\"y\"} 0.5\n"
            "# HELP b_total from elsewhere\n# TYPE b_total counter\nb_total 7\n");
}

TEST(Metrics, AreWrittenAsPrometheusReadsThem) {
  Metrics metrics;
  metrics.counter("b_total", "of things", metric_label("kind", "a\"b\\c\nd")).add(3);
  metrics.counter("b_total", "of things").add();
  metrics.gauge("a", "of one", [] { return 1.5; });
  EXPECT_EQ(metrics.text(),
            "# HELP a of one\n# TYPE a gauge\na 1.5\n"
            "# HELP b_total of things\n# TYPE b_total counter\n"
            "b_total 1\nb_total{kind=\"a\\\"b\\\\c\\nd\"} 3\n");
}

TEST(Metrics, TheSameNameIsTheSameCounter) {
  Metrics metrics;
  Counter& one = metrics.counter("x", "");
  metrics.counter("y", "");
  EXPECT_EQ(&one, &metrics.counter("x", ""));
  EXPECT_NE(&one, &metrics.counter("x", "", "k=\"v\""));
}

TEST(Metrics, HistogramsAddUp) {
  Histogram histogram;
  for (const auto time : {50us, 100us, 200us}) histogram.observe(time);
  histogram.observe(2h);
  histogram.observe(-1s);  // of a clock that was set back
  std::string out;
  histogram.write(out, "h", "m=\"x\"");
  EXPECT_NE(out.find("h_bucket{m=\"x\",le=\"0.0001\"} 3\n"), std::string::npos) << out;
  EXPECT_NE(out.find("h_bucket{m=\"x\",le=\"0.00025\"} 4\n"), std::string::npos) << out;
  EXPECT_NE(out.find("h_bucket{m=\"x\",le=\"60\"} 4\n"), std::string::npos) << out;
  EXPECT_NE(out.find("h_bucket{m=\"x\",le=\"+Inf\"} 5\n"), std::string::npos) << out;
  EXPECT_NE(out.find("h_sum{m=\"x\"} 7200.00035\nh_count{m=\"x\"} 5\n"), std::string::npos) << out;
}

}  // namespace
}  // namespace domed
