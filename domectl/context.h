#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "client/client.h"

namespace domed::ctl {

// What a user did wrong; shown without an error name.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What all verbs share: the global options, and the daemon.
struct Context {
  std::string endpoint;                   // as given; empty: found by control_endpoint()
  std::string endpoint_user;              // as given
  std::string connect_wait;               // as given; empty: as long as suits
  std::string ca, cert, key, token_file;  // as given
  std::string place;                      // name of a context of the user's own file, as given
  bool json = false;
  std::vector<std::string> command;  // what stood behind "--"
  // "--endpoint URL " and others that say which daemon, as they were given: for commands that are
  // shown to the user.
  std::string endpoint_option;
  std::function<int()> action;  // what the chosen verb does; returns the exit code
  int failure = 1;              // exit code where the verb itself fails

  Client& client();
  // How another domectl is begun that asks the same daemon as the same person: its verb comes next.
  // The rest stands in the environment.
  std::vector<std::string> own_words() const;
  // The id of the job that "text" names: by its id, the beginning of that, its name, @last or
  // @last~N.  Throws ApiError(E_NOT_FOUND), and E_AMBIGUOUS, which lists the candidates.
  std::string find_job(const std::string& text);
  // The same, but for what looks like a whole id, which is taken as one without asking.
  std::string id_of(const std::string& text) { return is_whole_id(text) ? text : find_job(text); }
  // Does "act" with the job that "text" names.  A whole id is looked for only where there is no
  // such job, as any text may be a name.
  template <class Act>
  auto with_job(const std::string& text, const Act& act) {
    if (!is_whole_id(text)) return act(find_job(text));
    try {
      return act(text);
    } catch (const ApiError& e) {
      if (e.name() != "E_NOT_FOUND") throw;
    }
    return act(find_job(text));
  }
  // What is known of a job that is there, or is to be there in a moment: one that tries
  // another one again is made just after that one's end.
  Json status_of(const std::string& job_id, std::stop_token stop = {});
  // Whether the daemon lists "feature".
  bool knows(const std::string& feature);
  // Throws UsageError that names "what" unless the daemon lists "feature".
  void must_know(const std::string& feature, const std::string& what);
  // The time by the daemon's clock, microseconds since 1970: "2h ago" and "in 10m" are compared
  // with times that it wrote or will look at, and its machine may be another one.
  std::int64_t daemon_now();

 private:
  static bool is_whole_id(const std::string& text);

  // Made by the first who asks, since "--help" and a usage error need no daemon.
  std::optional<Client> client_;
  std::optional<Json> features_;  // of the daemon, as it was first asked
  // The daemon's time less that of a clock that nobody sets, as it was first asked for.
  std::optional<std::int64_t> daemon_clock_;
};

// When the job was made, as its status says; "" where that cannot be had soon.
std::string created_at(Context& context, const std::string& job_id);

// Each adds its verbs to "app".
void add_run(CLI::App& app, Context& context);  // run, submit
void add_follow(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_list(CLI::App& app, Context& context);
void add_changes(CLI::App& app, Context& context);  // cancel, hold, pause, retry, delete, trim, ...
void add_waits(CLI::App& app, Context& context);    // wait
void add_logs(CLI::App& app, Context& context);
void add_less(CLI::App& app, Context& context);
void add_attach(CLI::App& app, Context& context);
void add_append(CLI::App& app, Context& context);
void add_daemon(CLI::App& app, Context& context);   // tools, health
void add_nodes(CLI::App& app, Context& context);    // nodes
void add_cluster(CLI::App& app, Context& context);  // cluster
void add_contexts(CLI::App& app, Context& context);
void add_who(CLI::App& app, Context& context);         // whoami, token
void add_new_plugin(CLI::App& app, Context& context);  // new-plugin
void add_provenance(CLI::App& app, Context& context);  // provenance, reproduce, diff-runs
void add_copies(CLI::App& app, Context& context);      // verify, export, import
void add_backup(CLI::App& app, Context& context);

}  // namespace domed::ctl
