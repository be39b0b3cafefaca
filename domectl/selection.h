#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "domectl/context.h"

namespace domed::ctl {

// What jobs have in common that are listed or changed together; empty fields do not restrict.
struct Filter {
  std::string state, tool, name, submitter, node, queue, match, since, until;
  std::vector<std::string> labels;  // each of them

  bool empty() const;
};

// More than a person means; who does says so several times.
inline constexpr std::size_t kMostJobs = 100'000;

void add_filter(CLI::App& verb, Filter& filter);
// --since and --until, where these ask when a job was submitted.
void add_times(CLI::App& verb, Filter& filter);

// The jobs that "filter" finds, newest first, at most "most", over as many pages as that takes.
std::vector<OrderedJson> jobs_of(Context& context, const Filter& filter, std::size_t most,
                                 std::stop_token stop = {});

// Which jobs a verb is about: named one by one, or by what they have in common.
struct Selection {
  std::vector<std::string> jobs;
  Filter filter;
  bool yes = false;

  bool several() const { return jobs.size() != 1; }
};

// The JOB that a verb is about, and in words what may stand there.
inline constexpr const char* kJobHelp =
    "Its id, the beginning of it (4 characters at least), its name, @last or @last~N";

void add_selection(CLI::App& verb, Selection& selection);
// For a verb that cannot be taken back: adds --yes, and the times, as well.
void add_destructive_selection(CLI::App& verb, Selection& selection);

// What a verb does, as far as a filter must know it.
struct Deed {
  std::string verb;                                   // "cancel"
  std::vector<std::string> states = {};               // of a filter that names none; empty: any
  std::function<bool(const OrderedJson&)> fits = {};  // of these; absent: all
  bool destructive = false;                           // a filter's jobs: asks first, on a terminal
};

// The ids, or what stands for them: as they were given, or all that the filter finds, oldest first.
// Throws UsageError where neither was given, or both; E_STOPPED where the question was denied.
std::vector<std::string> selected(Context& context, const Selection& selection, const Deed& deed);

// Does "act" with each of them, by its id.  Where there are several, one that fails is told and
// does not keep the others; returns the exit code.
int for_each_job(Context& context, const Selection& selection, const Deed& deed,
                 const std::function<void(const std::string& job_id)>& act);

}  // namespace domed::ctl
