#pragma once

#include <memory>
#include <optional>
#include <string>

#include "domed/store.h"
#include "loader/loader.h"
#include "loader/manifest.h"
#include "loader/options.h"

namespace conformance {

// How far the plugin came before the first test.
enum class Stage {
  named,   // the command line names a manifest
  read,    // which is well-formed
  loaded,  // and whose library is accepted
  made,    // and makes an object
};

// The plugin under test: what is known of it before the first test, so that it
// is known which tests there are for it.
struct Subject {
  Stage stage = Stage::named;
  std::string problem;  // why it came no further
  std::optional<domed::Manifest> manifest;
  std::unique_ptr<domed::Plugin> plugin;
  std::optional<domed::Durability> durability;  // of a store that could be made

  bool is(const std::string& kind) const { return manifest && manifest->kind == kind; }
  bool has(const std::string& capability) const;
  // Whether several objects may have one place open (domed/store.h).
  bool may_share() const { return has("watch") && has("leases"); }
  // Whether it has files that the suite gave a place: a "path" option that --set
  // leaves alone.
  bool has_place() const;
};

const Subject& subject();

// Goes as far as it can with what the command line names; before the first test.
void examine_subject();

}  // namespace conformance
