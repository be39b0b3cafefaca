#pragma once

#include <cstdint>

#include "domed/backup.h"
#include "domed/collector.h"
#include "domed/error.h"
#include "domed/host.h"
#include "domed/leases.h"
#include "domed/options.h"
#include "domed/store.h"
#include "domed/watch.h"

// The interface version.  MAJOR: a break; the kernel refuses the plugin.
// MINOR: an addition; a plugin may be older than the kernel, never newer.
#define DOMED_ABI_MAJOR 2
#define DOMED_ABI_MINOR 0

// What must be equal on both sides for std:: types to cross the boundary.
#if defined(_LIBCPP_VERSION)
#define DOMED_ABI_LIB "libc++"
#elif defined(__GLIBCXX__) && _GLIBCXX_USE_CXX11_ABI
#define DOMED_ABI_LIB "libstdc++.cxx11"
#else
#define DOMED_ABI_LIB "libstdc++.cxx03"
#endif
#if defined(_GLIBCXX_DEBUG)
#define DOMED_ABI_TAG DOMED_ABI_LIB ".debug"
#else
#define DOMED_ABI_TAG DOMED_ABI_LIB
#endif

extern "C" {
// Read before any C++ of the plugin runs.  Plain C, append-only: the kernel
// reads no field beyond "size".  The first four fields never change.
struct domed_plugin_descriptor {
  std::uint32_t magic;  // DOMED_PLUGIN_MAGIC
  std::uint32_t size;   // sizeof(domed_plugin_descriptor) in the plugin
  std::uint16_t abi_major, abi_minor;
  const char* abi_tag;  // DOMED_ABI_TAG in the plugin
  const char* name;     // equals "name" in the manifest
  const char* kind;     // "store", "provenance"
  const char* version;  // equals "version" in the manifest
  // A new object of the kind's interface, owned by the kernel, which destroys
  // it through that interface's virtual destructor.
  void* (*create)(const domed::Options&, domed::Host&);
};
typedef const domed_plugin_descriptor* (*domed_plugin_entry)();
}

#define DOMED_PLUGIN_MAGIC 0x444f4d45u

// Declares this library's one plugin.  CLASS derives from the interface
// INTERFACE (Store or Collector) and is constructible from
// (const domed::Options&, domed::Host&).  Name, kind and version come from the
// manifest through domed_add_plugin().
#define DOMED_PLUGIN(INTERFACE, CLASS)                                             \
  extern "C" __attribute__((visibility("default"))) const domed_plugin_descriptor* \
  domed_plugin() {                                                                 \
    static const domed_plugin_descriptor descriptor{                               \
        DOMED_PLUGIN_MAGIC,                                                        \
        sizeof(descriptor),                                                        \
        DOMED_ABI_MAJOR,                                                           \
        DOMED_ABI_MINOR,                                                           \
        DOMED_ABI_TAG,                                                             \
        DOMED_PLUGIN_NAME,                                                         \
        DOMED_PLUGIN_KIND,                                                         \
        DOMED_PLUGIN_VERSION,                                                      \
        [](const domed::Options& options, domed::Host& host) -> void* {            \
          return static_cast<domed::INTERFACE*>(new CLASS(options, host));         \
        }};                                                                        \
    return &descriptor;                                                            \
  }
