#include <clocale>

#include "domectl/domectl.h"
#include "domectl/sink.h"

int main(int argc, char** argv) {
  // Before anything is opened: see there.
  domed::ctl::fill_standard_descriptors();
  std::setlocale(LC_CTYPE, "C.UTF-8");  // how wide characters are; nothing else is the locale's
  return domed::ctl::run_domectl(argc, argv);
}
