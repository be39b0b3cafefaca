#include "provenance/guarded_call.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "domed/error.h"

namespace domed {
namespace {

// One call, as its thread and its caller see it.
struct Pending {
  std::mutex mutex;
  std::condition_variable_any over;
  bool done = false, abandoned = false;
  // In parts: copies of one exception would share its text between the threads.
  std::optional<Code> failure;
  std::string answer;  // or what the failure says
};

void work_on(Pending& pending, const std::function<std::string()>& work, const std::string& name) {
  std::string answer;
  std::optional<Code> failure;
  try {
    answer = work();
  } catch (const Error& e) {
    failure = e.code();
    answer = e.what();
  } catch (const std::exception& e) {
    failure = Code::internal;
    answer = name + ": " + e.what();
  } catch (...) {
    failure = Code::internal;
    answer = name + " threw something that is no exception";
  }
  const std::lock_guard lock(pending.mutex);
  pending.answer = std::move(answer);
  pending.failure = failure;
}

}  // namespace

std::string GuardedCall::operator()(std::function<std::string()> work,
                                    std::chrono::milliseconds budget) const {
  const auto deadline = std::chrono::steady_clock::now() + budget;
  // No thread is begun that nobody would wait for: it would run into the end of the program.
  if (stop_.stop_requested()) throw Error(Code::io, name_ + " is not asked any more");
  if (late_->load() > 0) throw Error(Code::conflict, name_ + " is still busy with an earlier run");
  // Shared by both threads, since either may be the last: a caller that gives up leaves, and a
  // plugin that never returns keeps its thread for ever.  There is no safe way to end a thread,
  // which may hold a lock of the plugin's or of malloc's; so it is left alone, and counted, and
  // nobody is asked again while it is at it.
  auto pending = std::make_shared<Pending>();
  try {
    std::thread([pending, late = late_, name = name_, work = std::move(work)]() mutable {
      work_on(*pending, work, name);
      work = nullptr;  // what it holds is let go before anybody can know that it is done
      const std::lock_guard lock(pending->mutex);
      pending->done = true;
      if (pending->abandoned) --*late;
      pending->over.notify_all();
    }).detach();
  } catch (const std::system_error& e) {
    throw Error(Code::exhausted, name_ + " cannot be called: " + e.what());
  }
  std::unique_lock lock(pending->mutex);
  if (!pending->over.wait_until(lock, stop_, deadline, [&] { return pending->done; })) {
    pending->abandoned = true;
    ++*late_;
    throw Error(Code::io,
                name_ + (stop_.stop_requested()
                             ? " is not waited for any more"
                             : " did not answer within " + std::to_string(budget.count()) + " ms"));
  }
  if (pending->failure) throw Error(*pending->failure, pending->answer);
  return std::move(pending->answer);
}

}  // namespace domed
