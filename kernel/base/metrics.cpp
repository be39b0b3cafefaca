#include "base/metrics.h"

#include <algorithm>
#include <cstdio>

namespace domed {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

void write_line(std::string& out, const std::string& name, const std::string& labels,
                const std::string& value) {
  out.append(name);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(value).append("\n");
}

}  // namespace

void Histogram::observe(Duration time) {
  const double seconds = std::chrono::duration<double>(time).count();
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  counts_[static_cast<std::size_t>(bound - kBounds.begin())].fetch_add(1,
                                                                       std::memory_order_relaxed);
  nanoseconds_.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)),
                         std::memory_order_relaxed);
}

void Histogram::write(std::string& out, const std::string& name, const std::string& labels) const {
  const std::string before = labels.empty() ? "" : labels + ",";
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    sum += counts_[i].load(std::memory_order_relaxed);
    const std::string bound = i < kBounds.size() ? number(kBounds[i]) : "+Inf";
    write_line(out, name + "_bucket", before + "le=\"" + bound + "\"", std::to_string(sum));
  }
  write_line(out, name + "_sum", labels, number(static_cast<double>(nanoseconds_) / 1e9));
  write_line(out, name + "_count", labels, std::to_string(sum));
}

Metrics::Family& Metrics::family(const std::string& name, const char* type,
                                 const std::string& help) {
  Family& out = families_[name];
  out.type = type;
  out.help = help;
  return out;
}

Counter& Metrics::counter(const std::string& name, const std::string& help,
                          const std::string& labels) {
  const std::lock_guard lock(mutex_);
  auto& out = family(name, "counter", help).counters[labels];
  if (!out) out = std::make_unique<Counter>();
  return *out;
}

Histogram& Metrics::histogram(const std::string& name, const std::string& help,
                              const std::string& labels) {
  const std::lock_guard lock(mutex_);
  auto& out = family(name, "histogram", help).histograms[labels];
  if (!out) out = std::make_unique<Histogram>();
  return *out;
}

void Metrics::gauges(const std::string& name, const std::string& help,
                     std::function<Values()> values) {
  const std::lock_guard lock(mutex_);
  family(name, "gauge", help).values = std::move(values);
}

void Metrics::gauge(const std::string& name, const std::string& help,
                    std::function<double()> value) {
  gauges(name, help, [value = std::move(value)] { return Values{{"", value()}}; });
}

void Metrics::counted(const std::string& name, const std::string& help,
                      std::function<double()> value) {
  const std::lock_guard lock(mutex_);
  family(name, "counter", help).values = [value = std::move(value)] {
    return Values{{"", value()}};
  };
}

// Without the lock, which who counts may be waiting for.
std::map<std::string, Metrics::Values> Metrics::asked() const {
  std::map<std::string, std::function<Values()>> functions;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, family] : families_)
      if (family.values) functions[name] = family.values;
  }
  std::map<std::string, Values> out;
  for (const auto& [name, values] : functions) out[name] = values();
  return out;
}

std::string Metrics::text() const {
  const auto values = asked();
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [name, family] : families_) {
    out += "# HELP " + name + " " + family.help + "\n# TYPE " + name + " " + family.type + "\n";
    for (const auto& [labels, counter] : family.counters)
      write_line(out, name, labels, std::to_string(counter->value()));
    for (const auto& [labels, histogram] : family.histograms) histogram->write(out, name, labels);
    if (const auto it = values.find(name); it != values.end())
      for (const auto& [labels, value] : it->second) write_line(out, name, labels, number(value));
  }
  return out;
}

std::string metric_label(const std::string& key, const std::string& value) {
  std::string out = key + "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? "\\n" : std::string(1, c);
  }
  return out + "\"";
}

}  // namespace domed
