#pragma once

#include <string>

#include "domed/store.h"

namespace store_tests {

// Makes a database as domed made them before ABI 2.0, with "jobs" jobs, some of them finished,
// and a tombstone.
void make_layout_1(const std::string& path, int jobs);

// What of job "i" a store has to give after the change.
domed::JobRecord expected_of_layout_1(int i);
std::string lines_of_layout_1(int i);

}  // namespace store_tests
