#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "base/unsignalled.h"
#include "proxy.h"

// The proxy of the fault tests as a program, for clients that are no C++.
//
// Prints "ready" when it listens.  Each line on its standard input ends all
// connections there are; the end of its input ends it, and has it say how many
// messages it touched.
int main(int argc, char** argv) {
  domed::block_signals();
  std::string directory, real, plan;
  std::uint64_t seed = 1;
  bool list = false;
  CLI::App app{
      "domed-fault-proxy: stands between clients and a daemon on ipc sockets, and does to each "
      "message what a fault plan says"};
  app.add_flag("--list", list, "Show all plans, and what they do");
  app.add_option("--listen", directory, "The directory that gets the sockets for clients");
  app.add_option("--to", real, "The directory with the daemon's control.ipc and events.ipc");
  app.add_option("--plan", plan, "The plan's name");
  app.add_option("--seed", seed, "Repeats a plan's choices");
  CLI11_PARSE(app, argc, argv);
  try {
    if (list) {
      for (const auto& [name, what, make] : domed::faults::plans())
        std::printf("%s\t%s\n", name, what);
      return 0;
    }
    if (directory.empty() || real.empty() || plan.empty())
      throw std::invalid_argument("--listen, --to and --plan are needed");
    domed::faults::Proxy proxy(directory, real, domed::faults::plan_of(plan, seed));
    std::puts("ready");
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) proxy.cut();
    std::printf("%zu of %zu messages touched\n", proxy.touched(), proxy.messages());
    std::fflush(stdout);
    // Its threads wait on sockets that a daemon may hold open for long.
    _exit(0);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "domed-fault-proxy: %s\n", e.what());
    return 2;
  }
}
