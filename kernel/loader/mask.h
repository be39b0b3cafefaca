#pragma once

#include <string>
#include <vector>

namespace domed {

// Takes secrets out of texts that people see.
class Mask {
 public:
  explicit Mask(std::vector<std::string> secrets);

  // "text" with *** in place of every secret.
  std::string operator()(std::string text) const;

 private:
  std::vector<std::string> secrets_;  // longest first
};

}  // namespace domed
