#include "domectl/context.h"

int main(int argc, char** argv) {
  return domed::ctl::run_domectl(argc, argv);
}
