#include "api/change.h"

#include "api/permission.h"
#include "log/refusal.h"

namespace domed {

void submit(Journal& journal, Call call, JobChange change) {
  Journal::Command command;
  command.job_id = std::move(change.job_id);
  command.from = call.sender();
  command.exclusive = change.exclusive;
  command.bytes = call.params.size();
  const auto asked = std::make_shared<const Call>(std::move(call));
  command.apply = [apply = std::move(change.apply), asked, owned = change.owned](JobLog& log,
                                                                                 bool) {
    const IdentityPtr who = asked->must_still_be_allowed();
    if (owned) must_own(*who, log);
    apply(log, *who);
    return true;
  };
  command.done = [asked, result = std::move(change.result),
                  answer = std::move(change.answer)](std::exception_ptr e) {
    if (e) return asked->error(e);
    if (!answer) return asked->result(result());
    // The daemon may die before it has answered, and what was changed must have been told.
    Call later = *asked;
    later.changed(result());
    answer(later);
  };
  journal.submit(std::move(command));
}

JobRecord existing(const Store& store, const std::string& job_id) {
  auto record = store.find(job_id);
  must_be_there(job_id, record ? &*record : nullptr);
  return std::move(*record);
}

}  // namespace domed
