#pragma once

#include <memory>
#include <string>

#include "domed/plugin.h"
#include "loader/fence.h"
#include "loader/manifest.h"
#include "loader/options.h"
#include "loader/plugin_path.h"

namespace domed {

// A loaded plugin.  Its library stays mapped until the process ends, so an
// object, exception or callback of the plugin is never left without its code.
class Plugin {
 public:
  // Opens the library and compares its descriptor with "manifest" and with this
  // kernel.  Throws domed::Error naming the file and both sides of a mismatch:
  // not_found where there is no library, io where it cannot be opened, else
  // unsupported.
  explicit Plugin(Manifest manifest);

  const Manifest& manifest() const { return manifest_; }
  // SHA-256 of the library's file, in lower-case hex, as it was when opened.
  const std::string& library_sha256() const { return sha256_; }
  // "1.0": what the library was built for.
  std::string abi() const;

  // A new instance, behind a fence (loader/fence.h): what it throws, now or later,
  // is a domed::Error without the values of secret options.  "host" must outlive
  // it.  A store whose facets are not those that its manifest announces is refused.
  std::unique_ptr<Store> create_store(const OptionValues& options, Host& host) const;
  std::unique_ptr<Collector> create_collector(const OptionValues& options, Host& host) const;

 private:
  void* create(const std::string& kind, const OptionValues& options, Host& host) const;
  Fence fence(const OptionValues& options) const;

  Manifest manifest_;
  std::string sha256_;
  const domed_plugin_descriptor* descriptor_ = nullptr;
};

}  // namespace domed
