#pragma once

#include <string>

#include "base/json.h"
#include "base/workers.h"
#include "domed/store.h"
#include "log/environment.h"
#include "log/journal.h"
#include "protocol/call.h"

namespace domed {

// CancelJob, HoldJob, ReleaseJob, PauseJob and ResumeJob: telling a job to end, not to begin yet,
// or to stand still.
//
// A canceled job that was to be tried again must not be: its newest attempt is canceled too.  The
// commit of the first cancel is answered on the committing thread, which may not wait for another
// commit, so that goes on on a worker.
//
// Thread-safe.
class CancelMethods {
 public:
  CancelMethods(const Store& store, Journal& journal, Environment& environment, Workers& workers)
      : store_(store), journal_(journal), environment_(environment), workers_(workers) {}

  void cancel_job(Call call);
  void hold_job(Call call) { hold(std::move(call), true); }
  void release_job(Call call) { hold(std::move(call), false); }
  void pause_job(Call call) { pause(std::move(call), true); }
  void resume_job(Call call) { pause(std::move(call), false); }

 private:
  OrderedJson cancel_retry(std::string job_id, const std::string& reason);
  void make_planned(const JobRecord& record);
  void hold(Call call, bool held);
  void pause(Call call, bool paused);
  // Does "act" with a job of who asks, and answers that its "word" is now this; false lets it run.
  using Act = void (JobLog::*)(bool, const std::string& reason);
  void turn(Call call, Act act, const char* word, bool value);

  const Store& store_;
  Journal& journal_;
  Environment& environment_;
  Workers& workers_;
};

}  // namespace domed
