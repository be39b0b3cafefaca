#pragma once

#include <string>

#include "base/json.h"

namespace domed::ctl {

// What differs between two runs, by their jobs' status: the request, the outcome
// and each field of the provenance; {"FIELD": {"a", "b"}}, null where one has
// none.  Ids and times, which always differ, are left out.
OrderedJson run_differences(const OrderedJson& a, const OrderedJson& b);

// The same for people; empty where nothing differs.
std::string difference_text(const OrderedJson& differences);

}  // namespace domed::ctl
