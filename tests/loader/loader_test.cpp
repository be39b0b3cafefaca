#include "loader/loader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "domed/support/hash.h"
#include "loader/options.h"
#include "support/no_descriptors.h"
#include "support/scratch.h"

namespace domed {
namespace {

class QuietHost final : public Host {
 public:
  void log(Level, std::string_view line) noexcept override { lines += line; }
  std::string lines;
};

std::string file_of(const std::string& name) {
  return std::string(TEST_LIBRARIES) + "/" + name + ".so";
}

// The manifest of one of the libraries of broken_plugin.cpp.
Manifest manifest_of(const std::string& name, const std::string& kind = "store") {
  Manifest m;
  m.file = "/plugins/" + name + ".yaml";
  m.library = file_of(name);
  m.name = name;
  m.kind = kind;
  m.version = "1.2.3";
  m.abi = DOMED_ABI_MAJOR;
  return m;
}

// Why the library is refused, without the files' names.
std::string refusal(const Manifest& m) {
  const std::string start = m.file.string() + ": cannot use " + m.library.string() + ": ";
  const std::string text = testing::error_of([&] { Plugin{m}; });
  EXPECT_EQ(text.find(start), 0u) << text;
  return text.substr(std::min(start.size(), text.size()));
}
std::string refusal(const std::string& name) {
  return refusal(manifest_of(name));
}

Code code(const std::string& name) {
  return testing::code_of([&] { Plugin{manifest_of(name)}; });
}

// Options whose one secret is "hunter2".
OptionValues options() {
  Manifest m;
  m.options.resize(1);
  m.options[0].name = "password";
  m.options[0].secret = true;
  return {m, {{"password", "hunter2"}}};
}

template <class Action>
Error thrown_by(Action action) {
  try {
    action();
  } catch (const Error& e) {
    return e;
  }
  throw std::logic_error("nothing was thrown");
}

// What create() of the library throws.
Error creation_error(const std::string& name) {
  QuietHost host;
  return thrown_by([&] { Plugin(manifest_of(name)).create_store(options(), host); });
}

// What commit() of its store throws.
Error commit_error(const std::string& name) {
  QuietHost host;
  const auto store = Plugin(manifest_of(name)).create_store(options(), host);
  return thrown_by([&] { store->commit({}); });
}

TEST(Loader, GoodPluginIsLoadedAndCreated) {
  const Plugin plugin(manifest_of("host-good"));
  QuietHost host;
  const auto store = plugin.create_store(OptionValues(), host);
  EXPECT_EQ(store->durability(), Durability::none);
  EXPECT_EQ(host.lines, "created");
  EXPECT_EQ(plugin.abi(), "2.0");
}

// A copy, for the real one must stay as it is.
TEST(Loader, LibraryThatOthersCouldReplaceIsRefused) {
  const testing::Scratch scratch;
  Manifest m = manifest_of("host-good");
  m.library = scratch.path() / "host-good.so";
  std::filesystem::copy_file(file_of("host-good"), m.library);
  EXPECT_EQ(chmod(m.library.c_str(), 0757), 0);
  EXPECT_EQ(refusal(m), "others could replace it, and would then run as us: " + m.library.string() +
                            " can be written by others (mode 0757)");
}

TEST(Loader, CollectorIsCreated) {
  const Plugin plugin(manifest_of("host-good-collector", "provenance"));
  QuietHost host;
  EXPECT_EQ(plugin.create_collector(OptionValues(), host)->collect({}), "{}");
}

TEST(Loader, ObjectsOutliveThePlugin) {
  QuietHost host;
  std::unique_ptr<Store> store;
  {
    const Plugin plugin(manifest_of("host-good"));
    store = plugin.create_store(OptionValues(), host);
  }
  EXPECT_TRUE(store->list({}).jobs.empty());
}

TEST(Loader, LibraryHashIsThatOfTheFile) {
  std::ifstream in(file_of("host-good"), std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  EXPECT_EQ(Plugin(manifest_of("host-good")).library_sha256(), sha256_hex(bytes));
}

TEST(Loader, WrongKindOfInstanceIsRefused) {
  QuietHost host;
  EXPECT_EQ(testing::error_of(
                [&] { Plugin(manifest_of("host-good")).create_collector(OptionValues(), host); }),
            "the plugin 'host-good' is of the kind store, needed is provenance");
}

TEST(Loader, MissingLibraryIsRefused) {
  EXPECT_EQ(refusal("host-absent"),
            "there is no such file; build it or correct 'library' in the manifest");
  EXPECT_EQ(code("host-absent"), Code::not_found);
}

TEST(Loader, UnresolvedSymbolIsNamed) {
  const std::string text = refusal("host-undefined");
  EXPECT_NE(text.find("domed_test_function_that_nobody_has"), std::string::npos) << text;
  EXPECT_EQ(code("host-undefined"), Code::io);
}

TEST(Loader, FileThatIsNoLibraryIsRefused) {
  const testing::Scratch scratch;
  Manifest m = manifest_of("host-good");
  m.library = scratch.write("x.so", "#!/bin/sh\n");
  EXPECT_NE(refusal(m), "");
}

TEST(Loader, OnlyARegularFileIsOpened) {
  const testing::Scratch scratch;
  Manifest m = manifest_of("host-good");
  m.library = scratch.path() / "fifo.so";
  ASSERT_EQ(0, ::mkfifo(m.library.c_str(), 0600));
  EXPECT_EQ(refusal(m), "it is not a regular file");
  m.library = scratch.path();
  EXPECT_EQ(refusal(m), "it is not a regular file");
}

TEST(Loader, RanOutOfDescriptorsSaysWhy) {
  const Manifest m = manifest_of("host-good");
  const testing::NoDescriptors none;
  EXPECT_EQ(refusal(m), "the file cannot be read: Too many open files");
}

TEST(Loader, CapabilityThatIsNoFacetIsRefusedBeforeOpening) {
  Manifest m = manifest_of("host-undefined");
  m.capabilities = {"fast"};
  EXPECT_EQ(refusal(m),
            "its manifest announces the capability 'fast', which is no facet of a store in abi "
            "2.0; known: backup watch leases");
}

TEST(Loader, ManifestForOtherAbiIsRefusedBeforeOpening) {
  Manifest m = manifest_of("host-absent");
  m.abi = 7;
  EXPECT_EQ(
      refusal(m),
      "by its manifest it is built for ABI 7, this domed loads 2.x: use a newer domed, or an older "
      "build of the plugin");
}

TEST(Loader, AbiOneIsRefusedByNameWithWhatToDo) {
  Manifest m = manifest_of("host-absent");
  m.abi = 1;
  EXPECT_EQ(refusal(m),
            "by its manifest it is built for ABI 1, this domed loads 2.x: rebuild it against this "
            "domed's headers (docs/plugins.md tells what changed)");
}

TEST(Loader, MissingSymbolIsRefused) {
  EXPECT_EQ(refusal("host-no-symbol"),
            "it does not export 'domed_plugin' (is DOMED_PLUGIN missing?)");
  EXPECT_EQ(code("host-no-symbol"), Code::unsupported);
}

TEST(Loader, WrongMagicIsRefused) {
  EXPECT_EQ(refusal("host-wrong-magic"), "its descriptor is not a domed descriptor");
  EXPECT_EQ(refusal("host-null-descriptor"), "its descriptor is not a domed descriptor");
}

TEST(Loader, OtherMajorIsRefused) {
  EXPECT_EQ(
      refusal("host-other-major"),
      "it was built for ABI 3.0, this domed loads 2.x: use a newer domed, or an older build of the "
      "plugin");
}

TEST(Loader, NewerMinorIsRefused) {
  EXPECT_EQ(refusal("host-newer-minor"),
            "it was built for abi 2.1, this kernel speaks 2.0; it needs a newer kernel");
}

TEST(Loader, OtherStandardLibraryIsRefused) {
  EXPECT_EQ(refusal("host-other-tag"), "it was built with libc++, this kernel with " DOMED_ABI_TAG);
}

TEST(Loader, TruncatedDescriptorIsNotReadBeyondItsSize) {
  EXPECT_EQ(refusal("host-truncated"), "its descriptor is truncated: 12 bytes, abi 2.0 has " +
                                           std::to_string(sizeof(domed_plugin_descriptor)));
}

TEST(Loader, NameKindAndVersionMustEqualTheManifest) {
  const std::string end = "'; the two files are not from one build";
  EXPECT_EQ(refusal("host-wrong-name"),
            "the library says name 'store-other', the manifest says 'host-wrong-name" + end);
  EXPECT_EQ(refusal("host-wrong-kind"),
            "the library says kind 'provenance', the manifest says 'store" + end);
  EXPECT_EQ(refusal("host-wrong-version"),
            "the library says version '1.2.4', the manifest says '1.2.3" + end);
}

TEST(Loader, EmptyFieldsAreRefused) {
  EXPECT_EQ(refusal("host-empty-field"), "its descriptor has empty fields");
}

TEST(Loader, ThrowingEntryIsRefused) {
  EXPECT_EQ(refusal("host-throwing-entry"), "its 'domed_plugin' threw: not today");
  EXPECT_EQ(refusal("host-throwing-int-entry"),
            "its 'domed_plugin' threw something that is no std::exception");
}

TEST(Loader, ForeignExceptionsBecomeInternalErrors) {
  const Error error = creation_error("host-throwing-create");
  EXPECT_EQ(error.code(), Code::internal);
  EXPECT_STREQ(error.what(),
               "the plugin 'host-throwing-create' could not be created: the disk is on fire");
  EXPECT_STREQ(creation_error("host-throwing-int").what(),
               "the plugin 'host-throwing-int' could not be created: it threw something that is no "
               "std::exception");
}

TEST(Loader, ErrorsPassWithTheirCodeAndNoSecret) {
  const Error error = creation_error("host-throwing-error");
  EXPECT_EQ(error.code(), Code::exhausted);
  EXPECT_STREQ(error.what(), "no space left for ***");
}

TEST(Loader, ForeignExceptionsOfMethodsBecomeInternalErrors) {
  const Error error = commit_error("host-throwing-later");
  EXPECT_EQ(error.code(), Code::internal);
  EXPECT_STREQ(error.what(),
               "the plugin 'host-throwing-later' failed in commit(): no connection as user:***");
  EXPECT_STREQ(commit_error("host-throwing-int-later").what(),
               "the plugin 'host-throwing-int-later' failed in commit(): it threw something that "
               "is no std::exception");
}

TEST(Loader, ErrorsOfMethodsTellNoSecrets) {
  const Error error = commit_error("host-telling-secrets");
  EXPECT_EQ(error.code(), Code::io);
  EXPECT_STREQ(error.what(), "no connection as user:***");
}

TEST(Loader, NothingCreatedIsAnError) {
  EXPECT_STREQ(creation_error("host-null-create").what(),
               "the plugin 'host-null-create' could not be created: it returned nothing");
}

TEST(PluginPath, FirstDirectoryWins) {
  const testing::Scratch scratch;
  const auto a = scratch.path() / "a", b = scratch.path() / "b";
  for (const auto* file : {"a/store-x.yaml", "b/store-x.yaml", "b/store-a.yaml", "b/notes.txt"})
    scratch.write(file, "");
  const std::vector<std::filesystem::path> dirs{a, b, "/nonexistent"};
  EXPECT_EQ(find_plugins(dirs), (std::vector{b / "store-a.yaml", a / "store-x.yaml"}));
  EXPECT_EQ(find_plugin("store-a", dirs), b / "store-a.yaml");
}

TEST(PluginPath, AbsolutePathsStandAlone) {
  EXPECT_EQ(plugin_dirs({"/opt/p", "p"}, "/etc/domed", "/usr"),
            (std::vector<std::filesystem::path>{"/opt/p", "/etc/domed/p", "/usr/p",
                                                "/usr/" DOMED_LIBDIR "/domed/p"}));
}

}  // namespace
}  // namespace domed
