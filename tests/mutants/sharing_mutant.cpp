#include "domed/plugin.h"
#include "sharing.h"

// A store that several may have open, with one thing wrong: mistakes that the author of a store on
// a server makes.
namespace mutants {
namespace {

std::unique_ptr<Sharing> made(const domed::Options& options) {
  SharingMutants all = {{"nothing", sharing<Sharing>}};
  for (SharingMutants more : {mutants_in_writing(), mutants_in_watches(), mutants_in_leases()})
    all.merge(more);
  return all.at(options.text("break"))({options.text("shared"), options.text("disturbed")});
}

struct Plugin final : Sharing {
  Plugin(const domed::Options& options, domed::Host&) : Sharing(made(options)) {}
};

}  // namespace
}  // namespace mutants

DOMED_PLUGIN(Store, mutants::Plugin)
