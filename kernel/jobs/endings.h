#pragma once

#include <chrono>
#include <map>
#include <string>

#include "log/job.h"
#include "system/boot_clock.h"

namespace domed {

// What the kernel itself is to end, and when: an external job whose producer was told of a cancel
// and gets a grace to obey it, or is silent for longer than the job's `expires_s`, and a queued job
// that needs one which did not succeed.
//
// Plain data, not thread-safe.  An ending stays until the job is over, so that one which the store
// refused is due again.
class Endings {
 public:
  using Clock = BootClock;
  struct Ending {
    State to;
    std::string reason, message;
    Clock::time_point due;
  };

  explicit Endings(std::chrono::milliseconds cancel_grace) : cancel_grace_(cancel_grace) {}
  // Of what is canceled from now on.
  void give(std::chrono::milliseconds cancel_grace) { cancel_grace_ = cancel_grace; }

  // An external job is to end.  The first word counts; false: it was said before.
  bool canceled(const std::string& job_id, Clock::time_point now);
  // "job_id" never runs, for "need" did not succeed.
  void need_failed(const std::string& job_id, const std::string& need, Clock::time_point now);
  // An external job's producer is to be heard within "expires" from now on, and again within it
  // each time.  "begun": it was heard before.
  // "more": what it gets beside that.  "revision": of the record that this is known by, where other
  // nodes change it too; else empty.
  void expect(const std::string& job_id, std::chrono::seconds expires, bool begun,
              Clock::time_point now, std::chrono::milliseconds more = {},
              const std::string& revision = {});
  // It was.  Nothing for a job of which it is not expected.
  void heard(const std::string& job_id, Clock::time_point now);
  // Whether its end is due still: a producer may have been heard since due() told it.  "revision"
  // of the record as it is by now: where that is not the one which was known, another node heard
  // it, of which we were not told, for we or the watch stood still.  Then it is expected anew.
  bool is_due(const std::string& job_id, Clock::time_point now, const std::string& revision = {});
  // It is over, whoever ended it.
  void ended(const std::string& job_id);
  // It could not be ended yet.  Nothing where it is over meanwhile.
  void postpone(const std::string& job_id, Clock::time_point until);
  // The same, because the store did not take it.  Nobody could be heard then: who is waited for
  // gets its whole time when it takes something again.
  void refused(const std::string& job_id, Clock::time_point until);

  std::map<std::string, Ending> due(Clock::time_point now) const;
  Clock::time_point next() const;

 private:
  std::chrono::milliseconds cancel_grace_;
  std::map<std::string, Ending> endings_;
  struct Silence {
    std::chrono::seconds expires;
    bool begun;
    Clock::time_point due;
    std::chrono::milliseconds more{0};
    std::string revision;
    bool was_refused = false;
    Ending ending() const;
  };
  std::map<std::string, Silence> silences_;
};

}  // namespace domed
