#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace domed::bench {

inline constexpr double kMiB = 1 << 20;

// What a run found out: figures with one value for each repeat, and what became
// of the targets.
class Report {
 public:
  explicit Report(std::string verb) : verb_(std::move(verb)) {}

  void add(const std::string& name, const std::string& unit, double value);
  double median(const std::string& name) const;

  // The median of "name" against a target; "from" says how "wanted" came about.
  void at_least(const std::string& name, double wanted, const std::string& from);
  void at_most(const std::string& name, double wanted, const std::string& from);

  std::string text() const;
  Json json() const;

 private:
  struct Figure {
    std::string name, unit;
    std::vector<double> values;
  };
  struct Target {
    std::string name, from;
    bool least = false;
    double measured = 0, wanted = 0;
    bool met() const { return least ? measured >= wanted : measured <= wanted; }
  };

  std::string verb_;
  std::vector<Figure> figures_;
  std::vector<Target> targets_;
};

}  // namespace domed::bench
