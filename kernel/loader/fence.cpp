#include "loader/fence.h"

namespace domed {
namespace {

class FencedBackup final : public Backup {
 public:
  FencedBackup(Backup& inside, const Fence& fence) : inside_(inside), fence_(fence) {}

  void backup(int fd, Progress& progress) const override {
    fence_.run("failed in backup()", [&] { inside_.backup(fd, progress); });
  }
  void restore(int fd, Progress& progress) override {
    fence_.run("failed in restore()", [&] { inside_.restore(fd, progress); });
  }

 private:
  Backup& inside_;
  const Fence& fence_;
};

class FencedWatch final : public Watch {
 public:
  FencedWatch(Watch& inside, const Fence& fence) : inside_(inside), fence_(fence) {}

  Changes wait(const std::string& cursor, std::chrono::milliseconds timeout) override {
    return fence_.run("failed in wait()", [&] { return inside_.wait(cursor, timeout); });
  }
  void interrupt() override {
    fence_.run("failed in interrupt()", [&] { inside_.interrupt(); });
  }

 private:
  Watch& inside_;
  const Fence& fence_;
};

class FencedLeases final : public Leases {
 public:
  FencedLeases(Leases& inside, const Fence& fence) : inside_(inside), fence_(fence) {}

  bool acquire(std::string_view name, std::string_view holder, std::chrono::milliseconds ttl,
               std::string_view text) override {
    return fence_.run("failed in acquire()",
                      [&] { return inside_.acquire(name, holder, ttl, text); });
  }
  bool renew(std::string_view name, std::string_view holder, std::chrono::milliseconds ttl,
             std::string_view text) override {
    return fence_.run("failed in renew()", [&] { return inside_.renew(name, holder, ttl, text); });
  }
  void release(std::string_view name, std::string_view holder) override {
    fence_.run("failed in release()", [&] { inside_.release(name, holder); });
  }
  std::vector<Lease> held(std::string_view prefix) const override {
    return fence_.run("failed in held()", [&] { return inside_.held(prefix); });
  }

 private:
  Leases& inside_;
  const Fence& fence_;
};

// Null where "store" is not of that interface.
template <class Fenced, class Interface>
std::unique_ptr<Fenced> fenced_facet(Store& store, const Fence& fence) {
  auto* facet = dynamic_cast<Interface*>(&store);
  return facet ? std::make_unique<Fenced>(*facet, fence) : nullptr;
}

class FencedStore final : public Store {
 public:
  FencedStore(std::unique_ptr<Store> store, Fence fence)
      : store_(std::move(store)),
        fence_(std::move(fence)),
        backup(fenced_facet<FencedBackup, Backup>(*store_, fence_)),
        watch(fenced_facet<FencedWatch, Watch>(*store_, fence_)),
        leases(fenced_facet<FencedLeases, Leases>(*store_, fence_)) {}

  Store& inside() { return *store_; }

  // noexcept in the interface: nothing can come out of it to be caught.
  Durability durability() const noexcept override { return store_->durability(); }
  std::string incarnation() const override {
    return fence_.run("failed in incarnation()", [&] { return store_->incarnation(); });
  }
  std::vector<Outcome> commit(std::span<const Entry> entries) override {
    return fence_.run("failed in commit()", [&] { return store_->commit(entries); });
  }
  std::optional<Slice> read(std::string_view job_id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override {
    return fence_.run("failed in read()",
                      [&] { return store_->read(job_id, from, max_events, max_bytes, direction); });
  }
  std::optional<JobRecord> find(std::string_view job_id) const override {
    return fence_.run("failed in find()", [&] { return store_->find(job_id); });
  }
  JobPage list(const ListQuery& query) const override {
    return fence_.run("failed in list()", [&] { return store_->list(query); });
  }

 private:
  std::unique_ptr<Store> store_;
  Fence fence_;

 public:
  // Made with the store and not when somebody asks, so that any thread may ask, and always gets the
  // same. They refer to the two members above, hence their place.
  const std::unique_ptr<FencedBackup> backup;
  const std::unique_ptr<FencedWatch> watch;
  const std::unique_ptr<FencedLeases> leases;
};

class FencedCollector final : public Collector {
 public:
  FencedCollector(std::unique_ptr<Collector> collector, Fence fence)
      : collector_(std::move(collector)), fence_(std::move(fence)) {}

  std::string collect(const CollectRequest& request) override {
    return fence_.run("failed in collect()", [&] { return collector_->collect(request); });
  }

 private:
  std::unique_ptr<Collector> collector_;
  Fence fence_;
};

}  // namespace

std::unique_ptr<Store> fenced(std::unique_ptr<Store> store, Fence fence) {
  return std::make_unique<FencedStore>(std::move(store), std::move(fence));
}

std::unique_ptr<Collector> fenced(std::unique_ptr<Collector> collector, Fence fence) {
  return std::make_unique<FencedCollector>(std::move(collector), std::move(fence));
}

// FencedStore derives from Store alone, so that nobody gets past the fence by a dynamic_cast
// (Facets.AreFoundBehindTheFence). That is why there is a function for each facet.
Store& unfenced(Store& store) {
  auto* fenced_store = dynamic_cast<FencedStore*>(&store);
  return fenced_store ? fenced_store->inside() : store;
}

Backup* backup_of(Store& store) {
  auto* fenced_store = dynamic_cast<FencedStore*>(&store);
  return fenced_store ? fenced_store->backup.get() : nullptr;
}

Watch* watch_of(Store& store) {
  auto* fenced_store = dynamic_cast<FencedStore*>(&store);
  return fenced_store ? fenced_store->watch.get() : nullptr;
}

Leases* leases_of(Store& store) {
  auto* fenced_store = dynamic_cast<FencedStore*>(&store);
  return fenced_store ? fenced_store->leases.get() : nullptr;
}

}  // namespace domed
