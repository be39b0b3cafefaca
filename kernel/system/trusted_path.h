#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

namespace domed {

// Who else could put something of theirs where "path" (absolute) leads: what they
// make there would act as us, or hear what is meant for us.  Nobody may who is
// neither this process's user nor root: every directory and link on the way, and
// what lies at the end, belongs to one of those two and is not written by others;
// a sticky directory (/tmp) protects what lies in it, by its owner, and is fine on
// the way only.  Looks at what is there.  Says who and why, as in "/x/y belongs to
// uid 7 (mary)"; nullopt: nobody.
std::optional<std::string> weakness_of(const std::filesystem::path& path);

// Makes "directory" (absolute) and what is missing on the way, each 0700 whatever
// the umask, or 0750 and the group's where there is one.  Throws Error, with
// "subject" in front, where that fails, where the way has a weakness, and where the
// first part to be made lies in a sticky directory: anybody could have made it
// before us, and be there again after it is removed.
void make_private_directories(const std::filesystem::path& directory, const std::string& subject,
                              std::optional<gid_t> group = {});

// "0750".
std::string octal(mode_t mode);

// "uid 7 (mary)".
std::string describe_user(uid_t user);

}  // namespace domed
