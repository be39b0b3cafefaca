#include <strings.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "good.h"

namespace mutants {
namespace {

struct ForeignException final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    if (query.limit == 0) throw std::out_of_range("limit");
    return inner_->list(query);
  }
};

struct OldestFirst final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    auto page = inner_->list(query);
    std::reverse(page.begin(), page.end());
    return page;
  }
};

struct PagesOfAnyBytes final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    ListQuery all = query;
    all.max_bytes = SIZE_MAX;
    return inner_->list(all);
  }
};

// Everything that "query" asks for, and what of it "keep" keeps, as the page should be.
template <class Keep>
Page filtered(const Store& store, const ListQuery& query, ListQuery all, Keep&& keep) {
  if (query.limit < 1 || query.limit > 10000 || query.tags.size() > 2) return store.list(query);
  all.limit = 10000;
  all.max_bytes = SIZE_MAX;
  Page page = store.list(all);
  std::erase_if(page, [&](const JobRecord& job) { return !keep(job); });
  std::size_t bytes = 0, count = 0;
  while (count < page.size() && count < query.limit) {
    bytes += page[count].fixed.size() + page[count].head.size();
    if (count > 0 && bytes > query.max_bytes) break;
    ++count;
  }
  page.resize(count);
  return page;
}

struct TagsByPrefix final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    ListQuery all = query;
    all.tags.clear();
    return filtered(*inner_, query, all, [&](const JobRecord& job) {
      const auto& tags = job.columns.tags;
      return std::all_of(query.tags.begin(), query.tags.end(), [&](const std::string& asked) {
        return std::any_of(tags.begin(), tags.end(),
                           [&](const std::string& tag) { return tag.starts_with(asked); });
      });
    });
  }
};

struct TagsWithoutCase final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    ListQuery all = query;
    all.tags.clear();
    return filtered(*inner_, query, all, [&](const JobRecord& job) {
      const auto& tags = job.columns.tags;
      return std::all_of(query.tags.begin(), query.tags.end(), [&](const std::string& asked) {
        return std::any_of(tags.begin(), tags.end(), [&](const std::string& tag) {
          return tag.size() == asked.size() &&
                 ::strncasecmp(tag.data(), asked.data(), asked.size()) == 0;
        });
      });
    });
  }
};

struct SecondTagIgnored final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    ListQuery one = query;
    if (one.tags.size() == 2) one.tags.resize(1);
    return inner_->list(one);
  }
};

struct OneOfTwoTagsIsEnough final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    ListQuery all = query;
    all.tags.clear();
    return filtered(*inner_, query, all, [&](const JobRecord& job) {
      const auto& tags = job.columns.tags;
      return query.tags.empty() ||
             std::any_of(query.tags.begin(), query.tags.end(), [&](const std::string& tag) {
               return std::find(tags.begin(), tags.end(), tag) != tags.end();
             });
    });
  }
};

// Jobs of one time stand in the order of their ids, but upward.
struct OrderByCreatedOnly final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    Page page = inner_->list(query);
    if (query.id_prefix.empty())
      std::sort(page.begin(), page.end(), [](const JobRecord& one, const JobRecord& other) {
        return one.columns.created != other.columns.created
                   ? one.columns.created > other.columns.created
                   : one.job_id < other.job_id;
      });
    return page;
  }
};

struct BeforeIdIgnored final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    ListQuery other = query;
    other.before_id.clear();
    return inner_->list(other);
  }
};

// (created < before AND id < before_id) is not the order.
struct BeforeBothApart final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    return filtered(*inner_, query, query, [&](const JobRecord& job) {
      return query.before_id.empty() || job.job_id < query.before_id;
    });
  }
};

struct SinceExclusive final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    ListQuery other = query;
    if (other.since != 0) ++other.since;
    return inner_->list(other);
  }
};

// "id LIKE 'prefix%'" of a database that takes letters for equal and knows wildcards.
struct IdPrefixByLike final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    if (query.id_prefix.empty()) return inner_->list(query);
    ListQuery all = query;
    all.id_prefix.clear(), all.after_id.clear();
    Page page = filtered(*inner_, query, all, [&](const JobRecord& job) {
      return like(job.job_id, query.id_prefix) && job.job_id > query.after_id;
    });
    std::sort(page.begin(), page.end(), [](const JobRecord& one, const JobRecord& other) {
      return one.job_id < other.job_id;
    });
    return page;
  }

 private:
  static bool like(const std::string& id, const std::string& prefix) {
    if (id.size() < prefix.size()) return false;
    for (std::size_t i = 0; i < prefix.size(); ++i)
      if (prefix[i] != '_' && std::tolower(id[i]) != std::tolower(prefix[i])) return false;
    return true;
  }
};

struct AfterIdInclusive final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    ListQuery other = query;
    if (!other.after_id.empty()) {
      // The greatest id that is smaller, so that the one itself comes first.
      other.after_id.back() = static_cast<char>(other.after_id.back() - 1);
      other.after_id += '\xff';
    }
    return inner_->list(other);
  }
};

struct IdsInTheOrderOfTime final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    Page page = inner_->list(query);
    if (!query.id_prefix.empty())
      std::sort(page.begin(), page.end(), [](const JobRecord& one, const JobRecord& other) {
        return one.columns.created > other.columns.created;
      });
    return page;
  }
};

}  // namespace

Mutants mutants_in_lists() {
  return {
      {"foreign-exception", around<ForeignException>},
      {"oldest-first", around<OldestFirst>},
      {"pages-of-any-bytes", around<PagesOfAnyBytes>},
      {"tags-by-prefix", around<TagsByPrefix>},
      {"tags-without-case", around<TagsWithoutCase>},
      {"second-tag-ignored", around<SecondTagIgnored>},
      {"one-of-two-tags-is-enough", around<OneOfTwoTagsIsEnough>},
      {"order-by-created-only", around<OrderByCreatedOnly>},
      {"before-id-ignored", around<BeforeIdIgnored>},
      {"before-both-apart", around<BeforeBothApart>},
      {"since-exclusive", around<SinceExclusive>},
      {"id-prefix-by-like", around<IdPrefixByLike>},
      {"after-id-inclusive", around<AfterIdInclusive>},
      {"ids-in-the-order-of-time", around<IdsInTheOrderOfTime>},
  };
}

}  // namespace mutants
