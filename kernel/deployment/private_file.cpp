#include "deployment/private_file.h"

#include <sys/stat.h>

#include "domed/error.h"
#include "system/trusted_path.h"

namespace domed {

void must_be_private(const std::filesystem::path& file, const std::string& how) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0)
    throw Error(Code::not_found, file.string() + ": there is no such file: " + how);
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    throw Error(Code::invalid_argument, file.string() + " has the mode " + octal(status.st_mode) +
                                            ", which lets others in: chmod 600 it");
  if (const auto why = weakness_of(file))
    throw Error(Code::invalid_argument, file.string() + " could be replaced by others: " + *why);
}

}  // namespace domed
