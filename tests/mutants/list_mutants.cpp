#include <strings.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <stdexcept>

#include "domed/store_rules.h"
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
    Page page = inner_->list(query);
    std::reverse(page.jobs.begin(), page.jobs.end());
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

std::vector<JobRecord> all_of(const Store& store, ListQuery query) {
  std::vector<JobRecord> jobs;
  for (;;) {
    Page page = store.list(query);
    std::move(page.jobs.begin(), page.jobs.end(), std::back_inserter(jobs));
    if (!page.more) return jobs;
    domed::go_on(page, query);
  }
}

// The first of "jobs" that a page of "query" has room for.
Page page_of(const ListQuery& query, const std::vector<JobRecord>& jobs) {
  Page page;
  std::size_t bytes = 0;
  for (const JobRecord& job : jobs) {
    const bool full =
        page.jobs.size() == query.limit || !domed::page_takes(query, page.jobs.size(), bytes, job);
    if (full) {
      const JobRecord& last = page.jobs.back();
      domed::end_page(query, last.columns.created, last.job_id, page);
      return page;
    }
    page.jobs.push_back(job);
  }
  return page;
}

// Everything that "query" asks for, and what of it "keep" keeps, as the page should be.
template <class Keep>
Page filtered(const Store& store, const ListQuery& query, ListQuery all, Keep&& keep) {
  if (query.limit < 1 || query.limit > 10000 || query.tags.size() > 2) return store.list(query);
  all.limit = 10000;
  all.max_bytes = SIZE_MAX;
  std::vector<JobRecord> jobs = all_of(store, all);
  std::erase_if(jobs, [&](const JobRecord& job) { return !keep(job); });
  return page_of(query, jobs);
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
      std::sort(page.jobs.begin(), page.jobs.end(),
                [](const JobRecord& one, const JobRecord& other) {
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
    std::vector<JobRecord> jobs = all_of(*inner_, all);
    std::erase_if(jobs, [&](const JobRecord& job) {
      return !like(job.job_id, query.id_prefix) || job.job_id <= query.after_id;
    });
    std::sort(jobs.begin(), jobs.end(), [](const JobRecord& one, const JobRecord& other) {
      return one.job_id < other.job_id;
    });
    return page_of(query, jobs);
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
      std::sort(page.jobs.begin(), page.jobs.end(),
                [](const JobRecord& one, const JobRecord& other) {
                  return one.columns.created > other.columns.created;
                });
    return page;
  }
};

// The next page begins behind the first job that this one had no room for.
struct PageGoesOnTooFar final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    ListQuery longer = query;
    if (longer.limit < 10000) ++longer.limit;
    Page page = inner_->list(longer);
    if (page.jobs.size() > query.limit) page.jobs.pop_back();
    return page;
  }
};

// That a page is full is no end.
struct FullPageIsTheLast final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    Page page = inner_->list(query);
    page.more = page.more && page.jobs.size() < query.limit;
    return page;
  }
};

// A page that it ended where little fits says that nothing comes behind.
struct ShortPageIsTheLast final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    if (query.tags.empty() || query.limit < 3) return inner_->list(query);
    ListQuery shorter = query;
    shorter.limit = 2;
    Page page = inner_->list(shorter);
    page.more = false;
    return page;
  }
};

// A page without jobs goes on where it began, and whoever follows goes round for ever.
struct PageGoesOnWhereItBegan final : Good {
  using Good::Good;
  Page list(const ListQuery& query) const override {
    Page page = inner_->list(query);
    if (query.limit != 1 || (query.before_id.empty() && query.after_id.empty())) return page;
    page.jobs.clear();
    page.more = true;
    page.before = query.before, page.before_id = query.before_id, page.after_id = query.after_id;
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
      {"page-goes-on-too-far", around<PageGoesOnTooFar>},
      {"page-goes-on-where-it-began", around<PageGoesOnWhereItBegan>},
      {"full-page-is-the-last", around<FullPageIsTheLast>},
      {"short-page-is-the-last", around<ShortPageIsTheLast>},
  };
}

}  // namespace mutants
