#pragma once

#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "domed/backup.h"
#include "domed/collector.h"
#include "domed/error.h"
#include "domed/leases.h"
#include "domed/store.h"
#include "domed/watch.h"
#include "loader/mask.h"

namespace domed {

// Stands between the kernel and one plugin: whatever the plugin throws comes out
// as a domed::Error whose text shows no secret.
class Fence {
 public:
  Fence(std::string plugin, std::vector<std::string> secrets)
      : plugin_(std::move(plugin)), mask_(std::move(secrets)) {}

  // What "body" returns.  What is no domed::Error becomes Error(internal): "the
  // plugin 'NAME' DID: text".
  template <class Body>
  auto run(const char* did, Body&& body) const {
    try {
      return body();
    } catch (const Error& error) {
      // The code stays as it is: by it the kernel decides (domed/error.h), the text is for people.
      throw Error(error.code(), mask_(error.what()));
    } catch (const std::exception& error) {
      throw foreign(did, error.what());
    } catch (...) {
      throw foreign(did, "it threw something that is no std::exception");
    }
  }

 private:
  Error foreign(const char* did, const std::string& text) const {
    return {Code::internal, mask_("the plugin '" + plugin_ + "' " + did + ": " + text)};
  }

  std::string plugin_;
  Mask mask_;
};

// The same object behind a fence.
std::unique_ptr<Store> fenced(std::unique_ptr<Store> store, Fence fence);
std::unique_ptr<Collector> fenced(std::unique_ptr<Collector> collector, Fence fence);

// The plugin's own object, in which a dynamic_cast finds its facets; calls to a
// facet are not fenced.
Store& unfenced(Store& store);

// The facets of a store that fenced() made, behind the same fence, as long as the store lives; null
// where it has none.
Backup* backup_of(Store& store);
Watch* watch_of(Store& store);
Leases* leases_of(Store& store);

}  // namespace domed
