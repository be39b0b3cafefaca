// domed-check-history FILE...: verifies recorded histories clause by clause.
#include <cstdio>
#include <cstring>
#include <fstream>

#include "clause.h"

namespace {

using domed::history::History;

constexpr const char* kUsage =
    "usage: domed-check-history FILE...\n"
    "Verifies recorded histories (docs/history.md) against the clauses of docs/contract.md.\n"
    "Several files are put in order by time: one daemon seen by many, or one job in two stores.\n"
    "Exits 0 where all is kept, 1 where a clause is broken, 2 where a file is no history.\n";

int check(const History& history) {
  const std::string broken = report(history);
  if (broken.empty())
    std::printf("ok: %zu records, %zu logs, %zu follows, %zu clauses\n", history.records().size(),
                history.logs().size(), history.follows().size(), domed::history::clauses().size());
  else
    std::fputs(broken.c_str(), stdout);
  return broken.empty() ? 0 : 1;
}

void read_file(History& history, const char* name) {
  std::ifstream file(name, std::ios::binary);
  if (!file)
    throw std::runtime_error(std::string("cannot read ") + name + ": " + std::strerror(errno));
  history.read(file, name);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || std::strcmp(argv[1], "--help") == 0) {
    std::fputs(kUsage, argc < 2 ? stderr : stdout);
    return argc < 2 ? 2 : 0;
  }
  try {
    History history;
    for (int i = 1; i < argc; ++i) read_file(history, argv[i]);
    history.finish();
    return check(history);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "domed-check-history: %s\n", e.what());
    return 2;
  }
}
