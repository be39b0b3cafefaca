#include "bench/latency.h"

#include <chrono>

namespace domed::bench {

std::uint64_t Latency::count() const {
  std::uint64_t all = 0;
  for (const std::uint64_t bin : bins_) all += bin;
  return all;
}

double Latency::percentile(double percent) const {
  const double wanted = static_cast<double>(count()) * percent / 100;
  double seen = 0;
  for (auto&& bin : boost::histogram::indexed(bins_, boost::histogram::coverage::all)) {
    seen += static_cast<double>(*bin);
    if (seen >= wanted && seen > 0) return bin.bin().upper();
  }
  return 0;
}

double now_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::micro>(now).count();
}

}  // namespace domed::bench
