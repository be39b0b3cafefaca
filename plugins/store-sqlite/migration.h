#pragma once

#include <functional>
#include <string>

#include "sqlite.h"

namespace domed {

// Brings a database of layout 1 to the present one, in one transaction: whenever it breaks
// off, the old layout is there, whole.  Every byte of the kernel's is kept.  tool_id becomes
// the tag "tool=ID", a label the tag "label:k=v", and each job gets a random revision.
// "tell" hears how far it has come, every few seconds and at the end.
//
// "fixed" and chunks stay as they are.  The room of the old jobs is used again, but the file
// does not shrink: auto_vacuum can only be chosen for a new file.
void migrate(sqlite::Connection& connection, const std::function<void(const std::string&)>& tell);

}  // namespace domed
