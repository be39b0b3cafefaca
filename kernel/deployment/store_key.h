#pragma once

#include <filesystem>
#include <string>

#include "loader/manifest.h"
#include "sealing/store_keys.h"

namespace domed {

// Reads a deployment's file of store keys.  It must be of this user and closed to others (0600).
// Throws Error that names the file, and shows nothing of what stands in it.
StoreKeys load_store_keys(const std::filesystem::path& file);

// By which of "keys", at least one, the deployment seals, and which others it opens; for people.
std::string in_words(const StoreKeys& keys);

// Whether what lies in such a store is for more eyes than those of this machine: it takes a secret
// with which others can open it too.
bool is_remote(const Manifest& store);

}  // namespace domed
