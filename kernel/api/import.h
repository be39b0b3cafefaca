#pragma once

#include <string>

#include "log/import.h"

namespace domed {

// Reads and checks the params of an ImportJob request; every event line is parsed
// here, apart from the journal.  Throws ApiError(E_INVALID_REQUEST).
ImportPiece read_import(const std::string& params, std::string& job_id);

}  // namespace domed
