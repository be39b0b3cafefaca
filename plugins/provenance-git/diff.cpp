#include "diff.h"

#include "domed/support/hash.h"

namespace domed::git {
namespace {

constexpr std::size_t kMaxDiff = std::size_t{1} << 30;  // it is hashed as it comes

}  // namespace

std::vector<Setting> comparison_settings(const Config& config, Differences which) {
  const bool all = which == Differences::all;
  const auto word = [](bool value) { return value ? "true" : "false"; };
  return {{"core.sparseCheckout", "true"},
          {"core.fileMode", word(all || config.file_mode)},
          {"core.ignoreCase", word(!all && config.ignore_case)},
          {"core.symlinks", word(all || config.symlinks)}};
}

Known<std::string> hash_difference(const Inquiry& inquiry, bool empty, bool wanted) {
  using Text = Known<std::string>;
  const Known<std::string>& commit = inquiry.repository.commit;
  if (!wanted) return Text::not_known("the option hash_diff is off");
  if (!commit.value) return Text::not_known(commit.reason);
  if (empty) return Text::of(sha256_hex(""));
  Sha256 hash;
  // Every option that a configuration could set otherwise is stated: equal changes give equal
  // digests on every machine, whatever its user likes diffs to look like.
  const Outcome outcome = inquiry.call(
      {.arguments = {"diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames",
                     "--no-relative", "--full-index", "--binary", "--unified=3",
                     "--inter-hunk-context=0", "--diff-algorithm=myers", "--indent-heuristic",
                     "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short",
                     "--ignore-submodules=dirty", "-O/dev/null", *commit.value, "--"},
       .directory = inquiry.repository.top,
       .settings = comparison_settings(inquiry.repository.config, Differences::all),
       .max_out = kMaxDiff,
       .sink = [&](std::string_view piece) { hash.update(piece); }});
  return outcome.ok() ? Text::of(to_hex(hash.digest()))
                      : Text::not_known(inquiry.reason("diff", outcome));
}

}  // namespace domed::git
