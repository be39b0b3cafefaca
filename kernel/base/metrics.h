#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace domed {

// What only grows.  Thread-safe.
class Counter {
 public:
  void add(std::uint64_t more = 1) { value_.fetch_add(more, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

// How long things took: how many of them at most so long as each of kBounds.  Thread-safe.
class Histogram {
 public:
  using Duration = std::chrono::nanoseconds;
  static constexpr std::array<double, 14> kBounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                                  0.005,  0.01,    0.025,  0.05,  0.1,
                                                  0.5,    1,       10,     60};  // seconds

  void observe(Duration time);
  void write(std::string& out, const std::string& name, const std::string& labels) const;

 private:
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> counts_{};  // the last one: above all
  std::atomic<std::uint64_t> nanoseconds_ = 0;
};

// A program's metrics, each by its name and labels (`method="Health"`), for Prometheus.
// Thread-safe; what counter() and histogram() return lives as long as this.
class Metrics {
 public:
  Counter& counter(const std::string& name, const std::string& help,
                   const std::string& labels = "");
  Histogram& histogram(const std::string& name, const std::string& help,
                       const std::string& labels = "");
  // By labels ("" for none).
  using Values = std::map<std::string, double>;
  // "value" is asked whenever somebody looks; it must not block.
  void gauge(const std::string& name, const std::string& help, std::function<double()> value);
  void gauges(const std::string& name, const std::string& help, std::function<Values()> values);
  // The same of what only grows, and is counted elsewhere.
  void counted(const std::string& name, const std::string& help, std::function<double()> value);

  // In the text format 0.0.4.
  std::string text() const;

 private:
  struct Family {
    const char* type;
    std::string help;
    std::map<std::string, std::unique_ptr<Counter>> counters;  // by labels
    std::map<std::string, std::unique_ptr<Histogram>> histograms;
    std::function<Values()> values;
  };
  std::map<std::string, Values> asked() const;
  Family& family(const std::string& name, const char* type, const std::string& help);

  mutable std::mutex mutex_;
  std::map<std::string, Family> families_;
};

// KEY="VALUE" with what Prometheus wants escaped.
std::string metric_label(const std::string& key, const std::string& value);

}  // namespace domed
