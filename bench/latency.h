#pragma once

#include <boost/histogram.hpp>
#include <cstdint>

namespace domed::bench {

// Times in microseconds, kept in 4,000 logarithmic bins from 1 us to 1,000 s: a
// percentile is good to half a percent.
class Latency {
 public:
  void add(double us) { bins_(us); }
  void add(const Latency& other) { bins_ += other.bins_; }
  double percentile(double percent) const;
  std::uint64_t count() const;

 private:
  using Axis = boost::histogram::axis::regular<double, boost::histogram::axis::transform::log>;
  boost::histogram::histogram<std::tuple<Axis>, boost::histogram::dense_storage<std::uint64_t>>
      bins_{std::tuple<Axis>(Axis(4000, 1, 1e9)), {}};
};

// Steady time in microseconds; the same clock in every process of a machine.
double now_us();

}  // namespace domed::bench
