// Built once per TEST_ macro: a plugin with one thing wrong.
#include <stdexcept>

#include "domed/plugin.h"

namespace {

class EmptyStore final : public domed::Store {
 public:
  domed::Durability durability() const noexcept override { return domed::Durability::none; }
  std::string incarnation() const override { return "only"; }
  std::vector<domed::Outcome> commit(std::span<const domed::Entry> entries) override {
#if defined(TEST_THROWING_LATER)
    throw std::runtime_error("no connection as user:hunter2");
#elif defined(TEST_THROWING_INT_LATER)
    throw 42;
#elif defined(TEST_TELLING_SECRETS)
    throw domed::Error(domed::Code::io, "no connection as user:hunter2");
#endif
    return std::vector<domed::Outcome>(entries.size());
  }
  std::optional<domed::Slice> read(std::string_view, std::uint64_t, std::size_t, std::size_t,
                                   domed::Direction) const override {
    return std::nullopt;
  }
  std::optional<domed::JobRecord> find(std::string_view) const override {
    return std::nullopt;
  }
  domed::JobPage list(const domed::ListQuery&) const override {
    return {};
  }
};

class EmptyCollector final : public domed::Collector {
 public:
  std::string collect(const domed::CollectRequest&) override { return "{}"; }
};

[[maybe_unused]] void* create(const domed::Options&, domed::Host& host) {
  host.log(domed::Level::info, "created");
#if defined(TEST_THROWING_CREATE)
  throw std::runtime_error("the disk is on fire");
#elif defined(TEST_THROWING_ERROR)
  throw domed::Error(domed::Code::exhausted, "no space left for hunter2");
#elif defined(TEST_THROWING_INT)
  throw 42;
#elif defined(TEST_NULL_CREATE)
  return nullptr;
#elif defined(TEST_GOOD_COLLECTOR)
  return static_cast<domed::Collector*>(new EmptyCollector);
#endif
  return static_cast<domed::Store*>(new EmptyStore);
}

[[maybe_unused]] domed_plugin_descriptor make_descriptor() {
  domed_plugin_descriptor d{
      DOMED_PLUGIN_MAGIC, sizeof d, DOMED_ABI_MAJOR, DOMED_ABI_MINOR, DOMED_ABI_TAG,
      TEST_NAME,          "store",  "1.2.3",         create};
#if defined(TEST_WRONG_MAGIC)
  d.magic = 0x12345678;
#elif defined(TEST_OTHER_MAJOR)
  d.abi_major = DOMED_ABI_MAJOR + 1;
#elif defined(TEST_NEWER_MINOR)
  d.abi_minor = DOMED_ABI_MINOR + 1;
#elif defined(TEST_OTHER_TAG)
  d.abi_tag = "libc++";
#elif defined(TEST_TRUNCATED)
  // What lies beyond "size" must not be read: following these would crash.
  d.size = 12;
  d.abi_tag = d.name = d.kind = d.version = reinterpret_cast<const char*>(8);
#elif defined(TEST_WRONG_NAME)
  d.name = "store-other";
#elif defined(TEST_WRONG_KIND)
  d.kind = "provenance";
#elif defined(TEST_WRONG_VERSION)
  d.version = "1.2.4";
#elif defined(TEST_EMPTY_FIELD)
  d.version = nullptr;
#elif defined(TEST_GOOD_COLLECTOR)
  d.kind = "provenance";
#endif
  return d;
}

}  // namespace

#if !defined(TEST_NO_SYMBOL)
extern "C" __attribute__((visibility("default"))) const domed_plugin_descriptor* domed_plugin() {
#if defined(TEST_NULL_DESCRIPTOR)
  return nullptr;
#elif defined(TEST_THROWING_ENTRY)
  throw std::runtime_error("not today");
#elif defined(TEST_THROWING_INT_ENTRY)
  throw 42;
#else
  static const domed_plugin_descriptor descriptor = make_descriptor();
  return &descriptor;
#endif
}
#endif
