#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "domectl/terminal.h"

namespace domed::ctl {

// A list of jobs as a table, or each in a form of one's own.
//
// Columns: id name state code created started ended took progress waiting what tool node submitter
// queue priority labels.
class JobTable {
 public:
  // Only these, in this order; empty: what fits.  Throws UsageError that lists them.
  explicit JobTable(const std::string& names);

  // The head and a line for each job.  In at most "width" columns of a terminal, where that is not
  // 0: then ids are cut to what tells these jobs apart, what is long is shortened, and columns that
  // nobody asked for may be left out.
  std::string text(const std::vector<OrderedJson>& jobs, std::int64_t now, std::size_t width,
                   const Colours& colours) const;
  // The same line by line.
  std::vector<std::string> lines(const std::vector<OrderedJson>& jobs, std::int64_t now,
                                 std::size_t width, const Colours& colours) const;

 private:
  std::vector<std::string> names_;
};

// "form" with {NAME} replaced: by the text of that column, whole, or by the field of that name of
// 'domectl list --json'.  {{ and }} are braces, \n and \t what they are in C.  Throws UsageError
// for a name that no job can have.
std::string formatted(const std::string& form, const OrderedJson& job, std::int64_t now);

// How a job ended, in a few letters: "0", "3", "SIGKILL", "timeout"; "-" where it has not.
std::string code_text(const OrderedJson& job);
// "SIGKILL"; its number where it has no name.
std::string signal_name(std::int64_t signal);
// How long it ran, or has run by "now"; "-" where it has not.
std::string took_text(const OrderedJson& job, std::int64_t now);
// The queue that it waits or waited in; empty: somebody else runs it.
std::string queue_of(const OrderedJson& job);
// What it runs: its command, its tool, or that somebody else does.
std::string what_text(const OrderedJson& job);

// Whether "text" stands in its id, name, state, command, labels or the like, in whatever case.
bool mentions(const OrderedJson& job, const std::string& text);

}  // namespace domed::ctl
