#include "lockstep.h"

#include <future>

namespace domed::test {
namespace {

constexpr std::size_t kRecent = 12;
constexpr std::size_t kShown = 600;

std::string shown(const std::string& text) {
  return text.size() <= kShown
             ? text
             : text.substr(0, kShown) + "... (" + std::to_string(text.size()) + " bytes)";
}

std::string request_text(const std::string& method, const Json& params) {
  return Json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}}.dump();
}

// A store that lives in this process alone survives the kernel as an object.
std::unique_ptr<Store> reopened(std::unique_ptr<Store> store, const std::string& plugin,
                                const std::filesystem::path& dir) {
  if (store->durability() == Durability::none) return store;
  store.reset();
  return open_store(plugin, dir);
}

}  // namespace

Lockstep::Lockstep(const std::vector<std::string>& stores) {
  for (const auto& store : stores) {
    auto scratch = std::make_unique<Scratch>();
    auto kernel = std::make_unique<Kernel>(store, scratch->path());
    sides_.push_back({store, std::move(scratch), std::move(kernel)});
  }
}

void Lockstep::note(const std::string& operation) {
  recent_.push_back(std::to_string(++steps_) + ": " + shown(operation));
  if (recent_.size() > kRecent) recent_.pop_front();
}

std::string Lockstep::recent() const {
  std::string out;
  for (const auto& operation : recent_) out += "  " + operation + "\n";
  return out;
}

std::string Lockstep::same(const std::vector<std::string>& answers) const {
  for (std::size_t i = 1; i < answers.size(); ++i)
    if (answers[i] != answers[0])
      throw Divergence("at step " + std::to_string(steps_) + " " + sides_[0].store + " gives\n  " +
                       shown(answers[0]) + "\nand " + sides_[i].store + " gives\n  " +
                       shown(answers[i]) + "\nThe last operations:\n" + recent());
  return answers[0];
}

Json Lockstep::request(const std::string& method, const Json& params) {
  const std::string text = request_text(method, params);
  note(text);
  std::vector<std::string> replies;
  for (auto& side : sides_) replies.push_back(side.kernel->raw(text));
  return Json::parse(same(replies));
}

std::string Lockstep::change(const std::string& name, const std::string& job_id,
                             const std::function<void(JobLog&)>& what) {
  note(name + " " + job_id);
  std::vector<std::string> errors;
  for (auto& side : sides_)
    errors.push_back(error_name([&] { side.kernel->journal->run(job_id, what); }));
  return same(errors);
}

void Lockstep::overtaking(const std::string& method, const Json& early, const Json& late) {
  const std::string first = request_text(method, early), second = request_text(method, late);
  note(first + "\n  overtakes " + second);
  std::vector<std::string> replies;
  for (auto& side : sides_) {
    auto waiting = std::async(std::launch::async, [&] { return side.kernel->raw(first); });
    const std::string reply = side.kernel->raw(second);
    replies.push_back(reply + "\n" + waiting.get());
  }
  same(replies);
}

void Lockstep::restart() {
  note("restart");
  for (auto& side : sides_) {
    const std::int64_t time = side.kernel->environment.time;
    const int ids = side.kernel->environment.ids;
    const int revisions = side.kernel->environment.revisions;
    auto store = std::move(side.kernel->plugin);
    side.kernel.reset();
    side.kernel =
        std::make_unique<Kernel>(side.store, side.scratch->path(),
                                 reopened(std::move(store), side.store, side.scratch->path()));
    side.kernel->environment.time = time;
    side.kernel->environment.ids = ids;
    side.kernel->environment.revisions = revisions;
  }
}

void Lockstep::turn_clock(std::int64_t microseconds) {
  note("the clock is turned by " + std::to_string(microseconds) + " us");
  for (auto& side : sides_) side.kernel->environment.time += microseconds;
}

std::vector<std::string> Lockstep::lines(const std::string& job_id) {
  note("read all of " + job_id);
  std::vector<std::string> logs;
  for (auto& side : sides_) {
    std::string log;
    for (const auto& line : side.kernel->lines(job_id)) log += line + "\n";
    logs.push_back(std::move(log));
  }
  same(logs);
  return sides_[0].kernel->lines(job_id);
}

}  // namespace domed::test
