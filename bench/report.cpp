#include "bench/report.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <thread>

namespace domed::bench {
namespace {

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

template <class... Values>
std::string line(const char* format, Values... values) {
  char text[512];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

std::string number(double value) {
  return line(value < 100 ? "%.2f" : "%.0f", value);
}

}  // namespace

void Report::add(const std::string& name, const std::string& unit, double value) {
  auto found = std::find_if(figures_.begin(), figures_.end(),
                            [&](const Figure& figure) { return figure.name == name; });
  if (found == figures_.end()) found = figures_.insert(figures_.end(), {name, unit, {}});
  found->values.push_back(value);
}

double Report::median(const std::string& name) const {
  for (const Figure& figure : figures_)
    if (figure.name == name) return median_of(figure.values);
  throw std::logic_error("no figure " + name);
}

void Report::at_least(const std::string& name, double wanted, const std::string& from) {
  targets_.push_back({name, from, true, median(name), wanted});
}

void Report::at_most(const std::string& name, double wanted, const std::string& from) {
  targets_.push_back({name, from, false, median(name), wanted});
}

std::string Report::text() const {
  std::string out = verb_ + "\n";
  for (const Figure& figure : figures_) {
    const auto [least, most] = std::minmax_element(figure.values.begin(), figure.values.end());
    out += line("  %-34s %12s %-14s (%s to %s)\n", figure.name.c_str(),
                number(median_of(figure.values)).c_str(), figure.unit.c_str(),
                number(*least).c_str(), number(*most).c_str());
  }
  for (const Target& target : targets_)
    out += line("  target %-27s %12s %s %s (%s): %s, ratio %.2f\n", target.name.c_str(),
                number(target.measured).c_str(),
                target.least ? ">=" : "<=", number(target.wanted).c_str(), target.from.c_str(),
                target.met() ? "met" : "MISSED", target.measured / target.wanted);
  return out;
}

Json Report::json() const {
  utsname machine{};
  uname(&machine);
  Json out{
      {"verb", verb_},
      {"machine", {{"cpus", std::thread::hardware_concurrency()}, {"kernel", machine.release}}},
      {"figures", Json::array()},
      {"targets", Json::array()}};
  for (const Figure& figure : figures_) {
    const auto [least, most] = std::minmax_element(figure.values.begin(), figure.values.end());
    out["figures"].push_back({{"name", figure.name},
                              {"unit", figure.unit},
                              {"median", median_of(figure.values)},
                              {"min", *least},
                              {"max", *most},
                              {"values", figure.values}});
  }
  for (const Target& target : targets_)
    out["targets"].push_back({{"name", target.name},
                              {"measured", target.measured},
                              {"wanted", target.wanted},
                              {"at_least", target.least},
                              {"from", target.from},
                              {"ratio", target.measured / target.wanted},
                              {"met", target.met()}});
  return out;
}

}  // namespace domed::bench
