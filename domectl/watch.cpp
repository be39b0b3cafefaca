#include "domectl/watch.h"

namespace domed::ctl {
std::string shell_word(const std::string& text) {
  // Unquoted where that is safe: it is to be read and typed by people.
  if (!text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789-_./:@%+=,") == std::string::npos)
    return text;
  std::string out = "'";
  for (const char c : text) c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

namespace {

// All that was asked for has come.
struct Enough {};

}  // namespace

FollowEnd follow_until(Follower& follower, std::uint64_t until,
                       const Follower::OnEvent& on_event) try {
  if (follower.cursor() >= until) return FollowEnd::snapshot;
  return follower.run([&](std::string_view line, std::uint64_t seq) {
    on_event(line, seq);
    if (seq >= until) throw Enough();
  });
} catch (const Enough&) {
  return FollowEnd::snapshot;
}

void WrittenEvents::put(std::uint64_t seq) {
  const std::lock_guard lock(mutex_);
  if (!waiting_.empty() && waiting_.back().end == output_.taken())
    waiting_.back().seq = seq;  // it put nothing, so it is written as soon as the one before
  else
    waiting_.push_back({seq, output_.taken()});
  forget_written();
}

std::uint64_t WrittenEvents::last() const {
  const std::lock_guard lock(mutex_);
  forget_written();
  return last_;
}

void WrittenEvents::forget_written() const {
  for (; !waiting_.empty() && waiting_.front().end <= output_.written(); waiting_.pop_front())
    last_ = waiting_.front().seq;
}

void say_connection(bool alive) {
  note(alive ? "the daemon is back"
             : "no answer from the daemon; the job may go on; trying again ...");
}

Watch::Watch(Context& context, FollowOptions options, Printer::Options printing, bool quiet,
             std::string flags, std::uint64_t until)
    : context_(context),
      job_id_(options.job_id),
      quiet_(quiet),
      form_(printing.form),
      flags_(std::move(flags)),
      until_(until),
      printer_(out(), err(), with_created(printing)),
      sieve_(sieve_of(printing.view)),
      written_(out(), options.since_seq),
      follower_(context.client(), with_hooks(options)),
      log_id_(options.log_id) {}

Printer::Options Watch::with_created(Printer::Options options) {
  options.created = [this] { return created_at(context_, job_id_); };
  return options;
}

FollowOptions Watch::with_hooks(FollowOptions options) {
  options.on_idle = [this] {
    know_log();
    printer_.flush();
  };
  if (quiet_) return options;
  options.on_connection = [this](bool alive) {
    printer_.clear_progress();
    say_connection(alive);
  };
  return options;
}

FollowEnd Watch::run() try { return follow(); } catch (const Error& e) {
  // The words are in the error: whoever reports it has said them.
  said_.test_and_set();
  throw Error(e.code(), std::string(e.what()) + "; resume with: " + resume_command());
}

FollowEnd Watch::follow() {
  const FollowEnd end =
      follow_until(follower_, until_, [this](std::string_view line, std::uint64_t seq) {
        know_log();
        show(line);
        written_.put(seq);
        look_at(line);
      });
  printer_.clear_progress();
  printer_.flush();
  return end;
}

std::unique_ptr<Sieve> Watch::sieve_of(const View* view) {
  if (!view || !view->sifts()) return nullptr;
  return std::make_unique<Sieve>(
      *view, [this](std::string_view line, const EventLine&) { printer_.event(line); },
      [this] {
        if (form_ != Printer::Form::lines) out().put("--\n");
      });
}

void Watch::show(std::string_view line) {
  const auto event = sieve_ ? read_event_line(line) : std::nullopt;
  event ? sieve_->take(line, *event) : printer_.event(line);
}

void Watch::know_log() {
  // Only this thread writes it, so that its own look needs no lock; others ask through
  // resume_command(), under it.
  if (!log_id_.empty()) return;
  const std::lock_guard lock(mutex_);
  log_id_ = follower_.log_id();
}

void Watch::look_at(std::string_view line) {
  const auto event = read_event_line(line);
  if (!event) return;
  if (is_terminal(*event)) outcome_ = event->payload;
  // It comes before the terminal event, in the same log: whoever saw the end knows whether there is
  // more.
  if (event->type == "retry") next_attempt_ = Json::parse(event->payload).value("job_id", "");
  if (event->type != "stream_end" || quiet_ || form_ != Printer::Form::output) return;
  const std::string text = stream_end_note(event->payload);
  if (text.empty()) return;
  printer_.flush();
  printer_.clear_progress();
  note(text);
}

std::string Watch::resume_command() const {
  std::string out = "domectl " + context_.endpoint_option + "follow " + shell_word(job_id_) +
                    " --since " + std::to_string(written_.last());
  const std::lock_guard lock(mutex_);
  if (!log_id_.empty()) out += " --log-id " + log_id_;
  return out + flags_;
}

void Watch::say_resume(const char* before) {
  if (!said_.test_and_set()) note(before + resume_command());
}

}  // namespace domed::ctl
