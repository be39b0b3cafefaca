// How the plugin boundary lies in memory: sizes, places of members, slots of virtual functions.
// Plugins were compiled with these numbers, whatever the headers say by now (docs/abi.md).
#include <cstdio>
#include <cstring>

#include "domed/plugin.h"

namespace {

// The slot in the table of virtual functions, by the Itanium C++ ABI of x86-64: its offset, and 1
// to tell it from an address.
template <class Function>
std::size_t slot(Function function) {
  std::size_t word = 0;
  std::memcpy(&word, &function, sizeof word);
  return (word - 1) / sizeof(void*);
}

void type(const char* name, std::size_t size, std::size_t alignment) {
  std::printf("%s: %zu bytes, aligned to %zu\n", name, size, alignment);
}
void line(const char* of, const char* name, std::size_t at) {
  std::printf("  %s.%s at %zu\n", of, name, at);
}

}  // namespace

#define TYPE(T) type(#T, sizeof(domed::T), alignof(domed::T))
#define AT(T, MEMBER) line(#T, #MEMBER, offsetof(domed::T, MEMBER))
#define SLOT(T, FUNCTION) line(#T, #FUNCTION "()", slot(&domed::T::FUNCTION))

int main() {
  TYPE(Error);
  TYPE(JobColumns);
  AT(JobColumns, created), AT(JobColumns, state), AT(JobColumns, unfinished), AT(JobColumns, tags);
  TYPE(JobRecord);
  AT(JobRecord, job_id), AT(JobRecord, revision), AT(JobRecord, first_seq), AT(JobRecord, head_seq);
  AT(JobRecord, tombstone), AT(JobRecord, columns), AT(JobRecord, fixed), AT(JobRecord, head);
  TYPE(Entry);
  AT(Entry, action), AT(Entry, job_id), AT(Entry, expected_revision), AT(Entry, revision);
  AT(Entry, base), AT(Entry, events), AT(Entry, ends), AT(Entry, first_seq), AT(Entry, fixed);
  AT(Entry, head), AT(Entry, columns);
  TYPE(Outcome);
  TYPE(Slice);
  AT(Slice, job), AT(Slice, events), AT(Slice, ends), AT(Slice, from);
  TYPE(ListQuery);
  AT(ListQuery, state), AT(ListQuery, tags), AT(ListQuery, since), AT(ListQuery, before);
  AT(ListQuery, before_id), AT(ListQuery, id_prefix), AT(ListQuery, after_id), AT(ListQuery, limit);
  AT(ListQuery, max_bytes), AT(ListQuery, unfinished), AT(ListQuery, tombstones);
  TYPE(JobPage);
  AT(JobPage, jobs), AT(JobPage, more), AT(JobPage, before), AT(JobPage, before_id);
  AT(JobPage, after_id);
  TYPE(Change);
  AT(Change, job_id), AT(Change, revision), AT(Change, head_seq), AT(Change, state);
  TYPE(Changes);
  AT(Changes, changes), AT(Changes, cursor), AT(Changes, gap);
  TYPE(Lease);
  AT(Lease, name), AT(Lease, holder), AT(Lease, renewals), AT(Lease, age), AT(Lease, text);
  TYPE(CollectRequest);
  AT(CollectRequest, cwd), AT(CollectRequest, tool_id), AT(CollectRequest, budget);
  type("domed_plugin_descriptor", sizeof(domed_plugin_descriptor),
       alignof(domed_plugin_descriptor));
  TYPE(Store);
  SLOT(Store, durability), SLOT(Store, incarnation), SLOT(Store, commit), SLOT(Store, read);
  SLOT(Store, find), SLOT(Store, list);
  TYPE(Collector);
  SLOT(Collector, collect);
  TYPE(Host);
  SLOT(Host, log);
  TYPE(Options);
  SLOT(Options, text), SLOT(Options, integer), SLOT(Options, boolean), SLOT(Options, duration);
  SLOT(Options, size), SLOT(Options, list);
  TYPE(Backup);
  SLOT(Backup, backup), SLOT(Backup, restore);
  TYPE(Progress);
  SLOT(Progress, at);
  TYPE(Watch);
  SLOT(Watch, wait), SLOT(Watch, interrupt);
  TYPE(Leases);
  SLOT(Leases, acquire), SLOT(Leases, renew), SLOT(Leases, release), SLOT(Leases, held);
}
