#pragma once

#include <string>

#include "findings.h"

namespace domed::git {

// The fields of the provenance record, as JSON.  All fields are always there,
// unknown ones with a reason; bytes that are not UTF-8 are replaced; bounded to
// some 40 KiB, so that the record fits into one event.  "version" is git's.
std::string to_record(const Findings& findings, const std::string& version);

// The same where nothing is known for "reason"; git's version too, if that is empty.
std::string to_unknown_record(const std::string& reason, const std::string& version);

}  // namespace domed::git
