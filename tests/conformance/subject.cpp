#include "subject.h"

#include <algorithm>

#include "target.h"

namespace conformance {
namespace {

void make_object(Subject& subject) {
  const Scratch scratch;
  if (subject.is("store"))
    subject.durability = make_store(scratch.path())->durability();
  else
    make_collector(scratch.path());
}

Subject& instance() {
  static Subject subject;
  return subject;
}

void advance(Subject& subject) try {
  subject.manifest = domed::load_manifest(target.manifest);
  subject.stage = Stage::read;
  subject.plugin = std::make_unique<domed::Plugin>(*subject.manifest);
  subject.stage = Stage::loaded;
  make_object(subject);
  subject.stage = Stage::made;
} catch (const domed::Error& error) {
  subject.problem = error.what();
}

}  // namespace

bool Subject::has(const std::string& capability) const {
  if (!manifest) return false;
  const auto& all = manifest->capabilities;
  return std::find(all.begin(), all.end(), capability) != all.end();
}

bool Subject::has_place() const {
  return manifest && std::any_of(manifest->options.begin(), manifest->options.end(),
                                 [](const domed::OptionSpec& option) {
                                   // An empty default: the plugin does without.
                                   return option.type == domed::OptionType::path &&
                                          !target.set.contains(option.name) &&
                                          (option.required ||
                                           !std::get<std::string>(*option.default_value).empty());
                                 });
}

const Subject& subject() {
  return instance();
}

void examine_subject() {
  advance(instance());
}

}  // namespace conformance
