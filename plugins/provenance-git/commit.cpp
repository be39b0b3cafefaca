#include "commit.h"

#include <ctime>

#include "domed/support/hash.h"
#include "listing.h"

namespace domed::git {
namespace {

using Text = Known<std::string>;

// Its header is what is looked for; a message may be of any length, and is cut.
constexpr std::size_t kMaxCommit = 256 << 10;
constexpr std::int64_t kLastSecond = 253402300799;  // of the year 9999

// As the kernel writes times: RFC 3339 with microseconds, of which git knows none.
std::string utc(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%FT%T.000000Z", &parts)};
}

void take_header(const CommitHeader& header, bool author_hash, Findings& findings) {
  // A commit may claim any time: anybody can write one with "git hash-object".
  const bool dated = header.time && *header.time >= 0 && *header.time <= kLastSecond;
  findings.commit_time = dated ? Text::of(utc(*header.time))
                               : Text::not_known("the commit names no time that can be read");
  if (!author_hash) {
    findings.author_hash = Text::not_known("the option author_hash is off");
  } else {
    findings.author_hash = header.author.empty() ? Text::not_known("the commit names no author")
                                                 : Text::of(sha256_hex(header.author));
  }
}

Text nearest_tag(const Inquiry& inquiry, const std::string& commit) {
  const Outcome outcome = inquiry.call({.arguments = {"describe", "--tags", "--abbrev=12", commit},
                                        .directory = inquiry.repository.view->path()});
  const std::string text = outcome.out.substr(0, outcome.out.find('\n'));
  if (outcome.ok() && !text.empty()) return Text::of(text);
  // Most repositories have no tags: that is no failure, and has words of its own.
  const bool none = outcome.err.find("No names found") != std::string::npos ||
                    outcome.err.find("No tags can describe") != std::string::npos;
  return Text::not_known(none && !outcome.timed_out ? "no tag is at or before this commit"
                                                    : inquiry.reason("describe", outcome));
}

}  // namespace

void describe_commit(Inquiry& inquiry, bool author_hash) {
  Findings& findings = inquiry.findings;
  const Known<std::string>& commit = inquiry.repository.commit;
  if (!commit.value) {
    findings.commit_time = findings.author_hash = findings.describe =
        Text::not_known(commit.reason);
    return;
  }
  const Outcome outcome = inquiry.call({.arguments = {"cat-file", "commit", *commit.value},
                                        .directory = inquiry.repository.view->path(),
                                        .max_out = kMaxCommit});
  if (outcome.ok() || outcome.truncated) {
    take_header(parse_commit(outcome.out), author_hash, findings);
  } else {
    findings.commit_time = findings.author_hash =
        Text::not_known(inquiry.reason("cat-file", outcome));
  }
  findings.describe = nearest_tag(inquiry, *commit.value);
}

}  // namespace domed::git
