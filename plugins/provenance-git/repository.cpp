#include "repository.h"

#include <algorithm>

#include "domed/error.h"
#include "files.h"
#include "references.h"
#include "remote.h"

namespace domed::git {
namespace {

constexpr std::size_t kMaxConfig = 4 << 20;
constexpr std::size_t kMaxPacked = 256 << 20;

// Makes the parts of a Repository.  The order matters: what the configuration says of the
// repository's form and place decides what the view of it may hold, and git asks only that.
class Opening {
 public:
  Opening(const Git& git, const Deadline& deadline) : git_(git), deadline_(deadline) {}

  Repository operator()(const std::string& directory, bool read_foreign);

 private:
  std::string listing_of(const Directory& directory, const std::string& name) const;
  void take_config();
  void check_tree() const;
  void take_top();
  void take_head();
  void take_commit(const Head& head);

  const Git& git_;
  const Deadline& deadline_;
  const std::shared_ptr<View> view_ = std::make_shared<View>();
  Repository found_;
};

Repository Opening::operator()(const std::string& directory, bool read_foreign) {
  found_.place = find_place(directory, read_foreign);
  found_.view = view_;
  take_config();
  check_tree();
  take_top();
  take_head();
  return std::move(found_);
}

// git takes it apart, as it knows best how; but a copy, which nobody changes, without what it
// includes, and only to say what is in it.
std::string Opening::listing_of(const Directory& directory, const std::string& name) const {
  static constexpr const char* kCopy = "config-of-the-repository";
  const auto text = directory.read(name, kMaxConfig);
  if (!text) return {};
  view_->put_text(kCopy, *text);
  const Outcome outcome =
      git_.call({.arguments = {"config", "--file", view_->path() + "/" + kCopy, "--no-includes",
                               "--list", "-z"},
                 .directory = view_->path(),
                 .max_out = kMaxConfig},
                deadline_);
  if (!outcome.ok()) throw Error(Code::io, git_.reason("config", outcome, deadline_));
  return outcome.out;
}

void Opening::take_config() {
  const Directory git_dir(found_.place.git_dir), common(found_.place.common_dir);
  std::string listing = listing_of(common, "config");
  found_.config = parse_config(listing);
  if (found_.config.worktree_config)
    found_.config = parse_config(listing + listing_of(git_dir, "config.worktree"));
  // What they say is of the main working tree.
  if (found_.place.linked()) found_.config.bare = false, found_.config.worktree.clear();
  if (const std::string why = found_.config.refusal(); !why.empty())
    throw Error(Code::unsupported, why);
}

void Opening::check_tree() const {
  const Place& place = found_.place;
  const std::string& named = found_.config.worktree;
  const std::string tree = named.empty() ? "" : real_path_from(place.git_dir, named);
  if (!named.empty() && (place.holder.empty() || tree != place.holder))
    throw Error(Code::unsupported, "git refused: the repository's working tree is " +
                                       (tree.empty() ? "gone" : tree) + ", not " +
                                       (place.holder.empty() ? place.directory : place.holder) +
                                       "; core.worktree or a damaged .git points elsewhere");
  if (place.must_name_holder && named.empty())
    throw Error(Code::unsupported,
                "the repository leads elsewhere: the .git in " + place.holder + " leads to " +
                    place.git_dir + ", which does not name that directory as its working tree" +
                    " ('git config core.worktree " + place.holder + "' makes it)");
}

void Opening::take_top() {
  const Place& place = found_.place;
  // As git: a directory that is a repository itself, and says nothing, has no working tree.
  found_.bare = found_.config.bare.value_or(place.holder.empty());
  found_.config.bare = found_.bare || place.holder.empty();
  if (found_.bare) {
    found_.no_tree = "a bare repository has no working tree";
  } else if (place.holder.empty()) {
    found_.no_tree =
        "the working directory is inside the repository's own directory " + place.git_dir;
  } else {
    found_.top = place.holder;
  }
}

void Opening::take_head() {
  const Directory git_dir(found_.place.git_dir), common(found_.place.common_dir);
  const std::string packed = common.read("packed-refs", kMaxPacked).value_or("");
  const Head head = read_head(git_dir, common, packed);
  found_.shallow = common.has_file("shallow");
  found_.unborn = head.unborn;
  found_.ref = Known<std::string>::of(head.ref);
  view_->put_repository(found_.place, found_.config, head, packed);
  if (head.id) return take_commit(head);
  found_.commit = found_.tree = Known<std::string>::not_known(
      head.unborn ? "there is no commit yet on " + head.ref
                  : "the repository is corrupt: " + head.ref + " names no readable commit");
}

void Opening::take_commit(const Head& head) {
  const Outcome outcome =
      git_.call({.arguments = {"rev-parse", *head.id + "^{commit}", *head.id + "^{tree}"},
                 .directory = view_->path(),
                 .git_dir = view_->path()},
                deadline_);
  const std::string& out = outcome.out;
  const std::size_t line = out.find('\n');
  const std::string commit = out.substr(0, line);
  const std::string tree = line == std::string::npos ? "" : out.substr(line + 1, commit.size());
  if (outcome.ok() && is_object_id(commit) && is_object_id(tree)) {
    found_.commit = Known<std::string>::of(commit);
    found_.tree = Known<std::string>::of(tree);
    return;
  }
  found_.commit = found_.tree = Known<std::string>::not_known(
      outcome.timed_out || !outcome.error.empty()
          ? git_.reason("rev-parse", outcome, deadline_)
          : "the repository is corrupt: " + head.ref + " names no readable commit");
}

}  // namespace

Repository open_repository(const Git& git, const std::string& directory, bool read_foreign,
                           const Deadline& deadline) {
  return Opening(git, deadline)(directory, read_foreign);
}

Known<std::string> choose_remote(const Repository& repository) {
  const Config& config = repository.config;
  using Url = Known<std::string>;
  if (config.remotes.empty()) return Url::not_known("the repository has no remote");
  auto chosen = config.remotes.end();
  static constexpr std::string_view kBranches = "refs/heads/";
  if (const auto& ref = repository.ref.value; ref && ref->starts_with(kBranches)) {
    const auto branch = config.branch_remotes.find(ref->substr(kBranches.size()));
    if (branch != config.branch_remotes.end()) chosen = config.remotes.find(branch->second);
  }
  if (chosen == config.remotes.end()) chosen = config.remotes.find("origin");
  if (chosen == config.remotes.end() && config.remotes.size() == 1) chosen = config.remotes.begin();
  if (chosen == config.remotes.end()) {
    return Url::not_known("of several remotes none is 'origin' or followed by the branch");
  }
  const Remote remote = normalise_remote(chosen->second);
  return remote.url.empty() ? Url::not_known(remote.reason) : Url::of(remote.url);
}

}  // namespace domed::git
