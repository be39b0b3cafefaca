#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "log/job.h"

namespace domed {

// What listings find a job by, beside its state: the tags of its record, composed here alone.
//   tool=ID  name=NAME  submitter=IDENTITY  node=ID  label:KEY=VALUE
// One that is longer than a store keeps ends with the SHA-256 of the whole instead of its end, in
// the record as in a query.  Of more than a store keeps, labels are left out, the last first.
std::string tag(std::string_view key, std::string_view value);
std::string label_tag(std::string_view key_and_value);

std::vector<std::string> tags_of(const JobHead& head, const JobFixed& fixed);

}  // namespace domed
