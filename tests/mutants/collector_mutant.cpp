#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "domed/plugin.h"

// A collector with one thing wrong, named by the option "break".  CMakeLists.txt
// says which test of the suite must find it.
namespace {

class Mutant final : public domed::Collector {
 public:
  Mutant(const domed::Options& options, domed::Host&) : broken_(options.text("break")) {}

  std::string collect(const domed::CollectRequest& request) override {
    if (broken_ == "runs-git") run_git_in(request.cwd);
    if (broken_ == "ignores-its-budget" && request.budget < std::chrono::seconds(1))
      std::this_thread::sleep_for(request.budget + std::chrono::milliseconds(200));
    if (broken_ == "litters") std::ofstream(request.cwd + "/litter") << "x";
    if (broken_ == "foreign-exception" && ::access(request.cwd.c_str(), X_OK) != 0) throw 42;
    return "{" + colour() + ", " + shape() + "}";
  }

 private:
  static void run_git_in(const std::string& cwd) {
    const std::string quiet = " status >/dev/null 2>&1 </dev/null";
    if (cwd.find('\'') == std::string::npos &&
        std::system(("git -C '" + cwd + "'" + quiet).c_str()) < 0)
      throw domed::Error(domed::Code::internal, "no shell");
  }

  std::string colour() {
    if (broken_ == "empty") return R"("colour": "")";
    if (broken_ == "no-reason") return R"("colour": "unknown")";
    if (broken_ == "not-json") return "colour";
    if (broken_ == "counts") return R"("colour": ")" + std::to_string(++count_) + '"';
    return R"("colour": "red")";
  }

  std::string shape() const {
    if (broken_ == "a-field-less") return R"("size": 1)";
    const char* led = std::getenv("GIT_DIR");
    if (broken_ == "led-by-the-environment" && led) return std::string(R"("shape": ")") + led + '"';
    return R"("shape": "unknown", "shape_reason": "nobody looked")";
  }

  std::string broken_;
  std::atomic<int> count_{0};
};

}  // namespace

DOMED_PLUGIN(Collector, Mutant)
