#include "loader/fence.h"

namespace domed {
namespace {

class FencedStore final : public Store {
 public:
  FencedStore(std::unique_ptr<Store> store, Fence fence)
      : store_(std::move(store)), fence_(std::move(fence)) {}

  Store& inside() { return *store_; }

  Durability durability() const noexcept override { return store_->durability(); }
  std::vector<EntryResult> commit(std::span<const Entry> entries) override {
    return fence_.run("failed in commit()", [&] { return store_->commit(entries); });
  }
  std::optional<Slice> read(std::string_view job_id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override {
    return fence_.run("failed in read()",
                      [&] { return store_->read(job_id, from, max_events, max_bytes); });
  }
  std::optional<JobRecord> find(std::string_view job_id) const override {
    return fence_.run("failed in find()", [&] { return store_->find(job_id); });
  }
  std::vector<JobRecord> list(const ListQuery& query) const override {
    return fence_.run("failed in list()", [&] { return store_->list(query); });
  }

 private:
  std::unique_ptr<Store> store_;
  Fence fence_;
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

Store& unfenced(Store& store) {
  auto* fenced_store = dynamic_cast<FencedStore*>(&store);
  return fenced_store ? fenced_store->inside() : store;
}

}  // namespace domed
