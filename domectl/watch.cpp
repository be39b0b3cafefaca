#include "domectl/watch.h"

namespace domed::ctl {
namespace {

// For a shell.
std::string quoted(const std::string& text) {
  if (!text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789-_./:@%+=,") == std::string::npos)
    return text;
  std::string out = "'";
  for (const char c : text) c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

}  // namespace

Watch::Watch(Context& context, FollowOptions options, Printer::Options printing, bool quiet,
             std::string flags)
    : context_(context),
      job_id_(options.job_id),
      quiet_(quiet),
      flags_(std::move(flags)),
      printer_(stdout, stderr, printing),
      follower_(context.client(), with_hooks(std::move(options))) {}

FollowOptions Watch::with_hooks(FollowOptions options) {
  options.on_idle = [this] { printer_.flush(); };
  if (quiet_) return options;
  options.on_connection = [this](bool alive) {
    printer_.clear_progress();
    note(alive ? "the daemon is back"
               : "no answer from the daemon; the job may go on; trying again ...");
  };
  return options;
}

FollowEnd Watch::run() try { return follow(); } catch (const Error& e) {
  throw Error(e.code(), std::string(e.what()) + "; resume with: " + resume_command());
}

FollowEnd Watch::follow() {
  const FollowEnd end = follower_.run([this](std::string_view line, std::uint64_t) {
    printer_.event(line);
    const auto event = read_event_line(line);
    if (!event) return;
    if (is_terminal(*event)) outcome_ = event->payload;
    if (event->type == "retry") next_attempt_ = Json::parse(event->payload).value("job_id", "");
  });
  printer_.clear_progress();
  printer_.flush();
  return end;
}

std::string Watch::resume_command() const {
  std::string out = "domectl " + context_.endpoint_option() + "follow " + quoted(job_id_) +
                    " --since " + std::to_string(follower_.cursor());
  if (!follower_.log_id().empty()) out += " --log-id " + follower_.log_id();
  return out + flags_;
}

}  // namespace domed::ctl
