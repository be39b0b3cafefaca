#include "loader/loader.h"

#include <dlfcn.h>

#include <boost/dll/shared_library.hpp>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "domed/error.h"
#include "domed/support/hash.h"
#include "loader/facets.h"
#include "system/trusted_path.h"

namespace domed {
namespace {

constexpr const char* kEntry = "domed_plugin";

// RTLD_NODELETE keeps the code mapped after the handle is gone; Boost.DLL has
// no name for the flag but passes it on.
// rtld_now: a symbol that is missing is named when the daemon starts, not when a job first needs
// it (Loader.UnresolvedSymbolIsNamed). rtld_local: what one plugin brings along is not seen by the
// next.
constexpr auto kLoadMode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local |
                           static_cast<boost::dll::load_mode::type>(RTLD_NODELETE);

[[noreturn]] void refuse(const Manifest& m, const std::string& why, Code code = Code::unsupported) {
  throw Error(code, m.file.string() + ": cannot use " + m.library.string() + ": " + why);
}

std::string abi_text(unsigned major, unsigned minor) {
  return std::to_string(major) + '.' + std::to_string(minor);
}

// Both sides, and what to do.
std::string other_abi(const std::string& theirs, std::int64_t major) {
  return "built for ABI " + theirs + ", this domed loads " + std::to_string(DOMED_ABI_MAJOR) +
         ".x: " +
         (major < DOMED_ABI_MAJOR
              ? "rebuild it against this domed's headers (docs/plugins.md tells "
                "what changed)"
              : "use a newer domed, or an older build of the plugin");
}

std::string hash_file(const Manifest& m) {
  errno = 0;
  std::ifstream in(m.library, std::ios::binary);
  Sha256 hash;
  std::string block(64 * 1024, '\0');
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0)
    hash.update({block.data(), static_cast<std::size_t>(in.gcount())});
  if (!in.eof())
    refuse(m, std::string("the file cannot be read: ") + std::strerror(errno), Code::io);
  return to_hex(hash.digest());
}

// The overload without error_code keeps what dlerror() says.
boost::dll::shared_library open(const Manifest& m) {
  try {
    return boost::dll::shared_library(m.library, kLoadMode);
  } catch (const std::exception& e) {
    refuse(m, e.what(), Code::io);
  }
}

const domed_plugin_descriptor* descriptor_of(const Manifest& m) {
  const auto library = open(m);
  if (!library.has(kEntry))
    refuse(m, "it does not export 'domed_plugin' (is DOMED_PLUGIN missing?)");
  try {
    return library.get<const domed_plugin_descriptor*()>(kEntry)();
  } catch (const std::exception& e) {
    refuse(m, std::string("its 'domed_plugin' threw: ") + e.what());
  } catch (...) {
    refuse(m, "its 'domed_plugin' threw something that is no std::exception");
  }
}

// Reads nothing that the library may not have: the first four fields are there
// in every version, the others only where "size" covers them.
void check_descriptor(const Manifest& m, const domed_plugin_descriptor* d) {
  const std::string ours = abi_text(DOMED_ABI_MAJOR, DOMED_ABI_MINOR);
  if (!d || d->magic != DOMED_PLUGIN_MAGIC) refuse(m, "its descriptor is not a domed descriptor");
  if (d->abi_major != DOMED_ABI_MAJOR)
    refuse(m, "it was " + other_abi(abi_text(d->abi_major, d->abi_minor), d->abi_major));
  // An older one finds all that it knows of; a newer one may call what is not here.
  if (d->abi_minor > DOMED_ABI_MINOR)
    refuse(m, "it was built for abi " + abi_text(d->abi_major, d->abi_minor) +
                  ", this kernel speaks " + ours + "; it needs a newer kernel");
  constexpr std::size_t kNeeded =
      offsetof(domed_plugin_descriptor, create) + sizeof domed_plugin_descriptor{}.create;
  if (d->size < kNeeded)
    refuse(m, "its descriptor is truncated: " + std::to_string(d->size) + " bytes, abi " + ours +
                  " has " + std::to_string(kNeeded));
  if (!d->abi_tag || !d->name || !d->kind || !d->version || !d->create)
    refuse(m, "its descriptor has empty fields");
  // Equal versions do not suffice: with another standard library, or in its debug mode, a
  // std::string is laid out otherwise.
  if (std::string(d->abi_tag) != DOMED_ABI_TAG)
    refuse(m, std::string("it was built with ") + d->abi_tag + ", this kernel with " DOMED_ABI_TAG);
}

void compare(const Manifest& m, const char* field, const std::string& library,
             const std::string& manifest) {
  if (library != manifest)
    refuse(m, std::string("the library says ") + field + " '" + library + "', the manifest says '" +
                  manifest + "'; the two files are not from one build");
}

}  // namespace

Plugin::Plugin(Manifest manifest) : manifest_(std::move(manifest)) {
  // All that can be refused without the library comes before it is opened, for opening runs its
  // constructors, as us. What needs no reading of the file comes before what does.
  const Manifest& m = manifest_;
  if (m.abi != DOMED_ABI_MAJOR)
    refuse(m, "by its manifest it is " + other_abi(std::to_string(m.abi), m.abi));
  std::error_code error;
  if (!std::filesystem::exists(m.library, error))
    refuse(m, "there is no such file; build it or correct 'library' in the manifest",
           Code::not_found);
  // Reading anything else could wait for ever.
  if (!std::filesystem::is_regular_file(m.library, error)) refuse(m, "it is not a regular file");
  if (const auto why = weakness_of(std::filesystem::absolute(m.library)))
    refuse(m, "others could replace it, and would then run as us: " + *why);
  if (m.kind == "store")
    if (const std::string why = unknown_facet(m.capabilities, facets()); !why.empty())
      refuse(m, why);
  sha256_ = hash_file(m);
  const auto* d = descriptor_of(m);
  check_descriptor(m, d);
  compare(m, "name", d->name, m.name);
  compare(m, "kind", d->kind, m.kind);
  compare(m, "version", d->version, m.version);
  descriptor_ = d;
}

std::string Plugin::abi() const {
  return abi_text(descriptor_->abi_major, descriptor_->abi_minor);
}

Fence Plugin::fence(const OptionValues& options) const {
  return {manifest_.name, options.secrets()};
}

void* Plugin::create(const std::string& kind, const OptionValues& options, Host& host) const {
  if (manifest_.kind != kind)
    throw Error(Code::invalid_argument, "the plugin '" + manifest_.name + "' is of the kind " +
                                            manifest_.kind + ", needed is " + kind);
  // Behind a fence from the first call on: a constructor knows the secrets already, and may put
  // them into what it throws.
  return fence(options).run("could not be created", [&] {
    void* made = descriptor_->create(options, host);
    if (!made) throw std::runtime_error("it returned nothing");
    return made;
  });
}

std::unique_ptr<Store> Plugin::create_store(const OptionValues& options, Host& host) const {
  // DOMED_PLUGIN made the void* of exactly this interface, and the kinds were compared. The facets
  // are looked for before the fence is put around it, which would hide them.
  std::unique_ptr<Store> store(static_cast<Store*>(create("store", options, host)));
  const std::string why = facet_mismatch(manifest_.capabilities, *store, facets());
  if (!why.empty()) refuse(manifest_, why);
  return fenced(std::move(store), fence(options));
}

std::unique_ptr<Collector> Plugin::create_collector(const OptionValues& options, Host& host) const {
  std::unique_ptr<Collector> collector(
      static_cast<Collector*>(create("provenance", options, host)));
  return fenced(std::move(collector), fence(options));
}

}  // namespace domed
