#pragma once

namespace domed::ctl {

// The whole program: what a verb does, or what is made of its errors; returns the exit code.
int run_domectl(int argc, char** argv);

}  // namespace domed::ctl
