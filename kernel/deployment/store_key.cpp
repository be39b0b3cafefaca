#include "deployment/store_key.h"

#include <algorithm>

#include "deployment/private_file.h"
#include "domed/error.h"
#include "system/named_file.h"

namespace domed {
namespace {

constexpr std::size_t kMostBytes = 64 << 10;

}  // namespace

StoreKeys load_store_keys(const std::filesystem::path& file) {
  must_be_private(file, "'(umask 077; openssl rand -hex 32 >FILE)' makes one");
  try {
    return StoreKeys::parse(read_named(file, kMostBytes));
  } catch (const Error& e) {
    const bool names_it = std::string_view(e.what()).find(file.string()) != std::string_view::npos;
    throw Error(e.code(), names_it ? e.what() : file.string() + ": " + e.what());
  }
}

std::string in_words(const StoreKeys& keys) {
  if (keys.empty()) return "nothing is sealed in the store: there is no store_key";
  const auto ids = keys.ids();
  std::string out = "seals what is secret in the store with the key " + ids[0];
  for (std::size_t i = 1; i < ids.size(); ++i)
    out += (i == 1 ? ", and opens what is sealed with " : ", ") + ids[i];
  return out;
}

bool is_remote(const Manifest& store) {
  return std::any_of(store.options.begin(), store.options.end(),
                     [](const OptionSpec& option) { return option.secret; });
}

}  // namespace domed
