#include "operations.h"

#include <algorithm>
#include <map>

namespace conformance {
namespace {

using Action = Entry::Action;

std::string quoted(const std::string& id) {
  return "'" + id.substr(0, 20) + (id.size() > 20 ? "...'" : "'");
}

std::string described(const Draft& draft) {
  static const std::map<Action, std::string> kNames = {{Action::append, "append"},
                                                       {Action::trim, "trim"},
                                                       {Action::purge, "purge"},
                                                       {Action::drop, "drop"}};
  std::string text = kNames.at(draft.action) + ' ' + quoted(draft.job_id) + " at head " +
                     std::to_string(draft.expected_head);
  if (draft.action == Action::append)
    text += ": " + std::to_string(draft.ends.size()) + " lines, " +
            std::to_string(draft.events.size()) + " bytes";
  if (draft.first_seq != 0) text += ", first seq " + std::to_string(draft.first_seq);
  if (draft.fixed) text += ", fixed of " + std::to_string(draft.fixed->size()) + " bytes";
  return text + ", created " + std::to_string(draft.columns.created);
}

std::string described(const ListQuery& query) {
  std::string text = "list limit " + std::to_string(query.limit);
  if (!query.state.empty()) text += ", state " + query.state;
  if (!query.tool_id.empty()) text += ", tool " + query.tool_id;
  if (!query.label.empty()) text += ", label " + query.label;
  if (query.since != 0) text += ", since " + std::to_string(query.since);
  if (query.before != 0) text += ", before " + std::to_string(query.before);
  if (query.max_bytes != SIZE_MAX) text += ", max bytes " + std::to_string(query.max_bytes);
  if (query.unfinished) text += ", unfinished";
  if (query.tombstones) text += ", tombstones";
  return text;
}

std::string difference(const std::vector<EntryResult>& expected,
                       const std::vector<EntryResult>& actual) {
  if (expected.size() != actual.size())
    return "there must be " + std::to_string(expected.size()) + " results, are " +
           std::to_string(actual.size());
  static const char* const kNames[] = {"done", "conflict", "unknown"};
  const auto name = [](const EntryResult& result) {
    std::string text = kNames[static_cast<int>(result.outcome)];
    if (result.outcome == Outcome::conflict) text += " with head " + std::to_string(result.head);
    return text;
  };
  std::string text;
  for (std::size_t i = 0; i < actual.size(); ++i)
    if (name(expected[i]) != name(actual[i]))
      text += "entry " + std::to_string(i + 1) + " must be " + name(expected[i]) + ", is " +
              name(actual[i]) + "; ";
  return text;
}

std::string do_commit(const Operation& operation, domed::Store& store, Model& model) {
  const auto expected = model.commit(operation.batch);
  try {
    const auto actual = commit(store, operation.batch);
    return expected ? difference(*expected, actual) : "the batch must be refused, and is taken";
  } catch (const domed::Error& error) {
    if (!expected && error.code() == Code::invalid_argument) return "";
    return std::string(expected ? "threw: " : "must throw invalid_argument, threw: ") +
           error.what();
  }
}

std::string do_read(const Operation& o, const domed::Store& store, const Model& model) {
  const Model::Job* job = model.find(o.job_id);
  const auto slice = store.read(o.job_id, o.from, o.max_events, o.max_bytes);
  if (slice.has_value() != (job != nullptr))
    return job ? "the job must be there, and is absent" : "the job must be absent, and is there";
  if (!job) return "";
  const Lines lines = Model::lines(*job, o.from, o.max_events, o.max_bytes);
  std::string text = conformance::difference(job->record, slice->job, false) +
                     conformance::difference(lines, lines_in(*slice));
  const std::uint64_t from = std::max(o.from, job->record.first_seq);
  if (!lines.empty() && slice->from != from)
    text += "from must be " + std::to_string(from) + ", is " + std::to_string(slice->from);
  return text;
}

std::string do_find(const Operation& operation, const domed::Store& store, const Model& model) {
  return conformance::difference(model.find(operation.job_id), store, operation.job_id);
}

std::string do_list(const ListQuery& query, const domed::Store& store, const Model& model) {
  const auto expected = model.list(query);
  const auto actual = store.list(query);
  if (expected.size() != actual.size())
    return "there must be " + std::to_string(expected.size()) + " records, are " +
           std::to_string(actual.size());
  std::string text;
  for (std::size_t i = 0; i < actual.size(); ++i)
    text += conformance::difference(expected[i], actual[i], true);
  return text;
}

}  // namespace

std::string describe(const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::commit:
      break;
    case Operation::Kind::read:
      return "read " + quoted(operation.job_id) + " from " + std::to_string(operation.from) +
             ", max events " + std::to_string(operation.max_events) + ", max bytes " +
             std::to_string(operation.max_bytes);
    case Operation::Kind::find:
      return "find and read the whole of " + quoted(operation.job_id);
    case Operation::Kind::list:
      return described(operation.query);
    case Operation::Kind::reopen:
      return "reopen";
  }
  std::string text = "commit";
  for (const Draft& draft : operation.batch) text += "\n      " + described(draft);
  return text;
}

std::string Generator::job() {
  return "job" + std::to_string(upto(11));
}

std::string Generator::line() {
  std::string text(one_in(50) ? upto(60'000) : upto(200), '\0');
  for (char& c : text) c = static_cast<char>(' ' + upto(90));
  return text;
}

JobColumns Generator::columns() {
  static const char* const kStates[] = {"queued", "running", "failed"};
  JobColumns columns{.created = ++created_,
                     .state = kStates[upto(2)],
                     .unfinished = one_in(3),
                     .tool_id = one_in(2) ? "" : "tool",
                     .labels = {}};
  for (std::uint64_t i = upto(2); i > 0; --i)
    columns.labels.push_back("k=" + std::to_string(upto(2)));
  return columns;
}

void Generator::add_lines(Draft& draft) {
  for (std::uint64_t i = 1 + (one_in(20) ? upto(800) : upto(8)); i > 0; --i) {
    const std::string text = line();
    if (draft.events.size() + text.size() < domed::kMaxEntryBytes) draft.add(text);
  }
}

Draft Generator::draft(const Model& model, const std::string& id) {
  const Model::Job* job = model.find(id);
  Draft draft;
  draft.job_id = id;
  draft.expected_head = job ? job->record.head_seq : 0;
  if (one_in(10)) draft.expected_head = one_in(2) ? 0 : upto(30);
  draft.head = "head " + std::to_string(upto(1000));
  draft.columns = columns();
  if (one_in(4)) draft.fixed = std::string(upto(3000), 'f');
  const std::uint64_t action = upto(19);
  if (action == 0) draft.action = Action::purge;
  if (action < 3 && action > 0) draft.action = Action::trim;
  if (action == 3 || (job && job->record.tombstone && one_in(3))) draft.action = Action::drop;
  if (draft.action == Action::trim) draft.first_seq = 1 + upto(draft.expected_head);
  if (draft.action != Action::append) return draft;
  if (draft.expected_head == 0 && one_in(4)) draft.first_seq = upto(20);
  if (draft.expected_head == 0 || !one_in(10)) add_lines(draft);
  return draft;
}

// Breaks one rule of the interface.
void Generator::spoil(const Model& model, std::vector<Draft>& batch) {
  Draft& draft = batch[upto(batch.size() - 1)];
  switch (upto(6)) {
    case 0:
      draft.job_id.clear();
      return;
    case 1:
      draft.job_id = std::string(513 + upto(10), 'x');
      return;
    case 2:
      draft.events += "no line feed";
      return;
    case 3:
      draft.ends.push_back(static_cast<std::uint32_t>(draft.events.size()));
      return;
    case 4:
      draft.columns.labels.push_back("a=1\nb=2");
      return;
    case 5:
      batch.push_back(batch[0]);
      return;
    default:  // the "created" of a job that nothing else in the batch touches
      draft.columns.created =
          1 + static_cast<std::int64_t>(upto(static_cast<std::uint64_t>(created_ - 1)));
      for (const auto& [id, job] : model.jobs())
        for (const Draft& other : batch)
          if (id == other.job_id && job.record.columns.created == draft.columns.created)
            draft.columns.created = ++created_;
  }
}

std::vector<Draft> Generator::batch(const Model& model) {
  std::map<std::string, Draft> drafts;  // at most one for each job
  for (std::uint64_t i = 1 + upto(4); i > 0; --i) {
    const std::string id = job();
    drafts.insert_or_assign(id, draft(model, id));
  }
  std::vector<Draft> batch;
  for (const auto& [id, draft] : drafts) batch.push_back(draft);
  if (one_in(15)) spoil(model, batch);
  return batch;
}

// Limits are wrong at their edges, if anywhere.
std::size_t Generator::about_the_size_of_some_lines(const Model::Job& job, std::uint64_t from) {
  std::size_t bytes = upto(2);
  for (const std::string& line : Model::lines(job, from, 1 + upto(4), SIZE_MAX))
    bytes += line.size() + 1;
  return std::max<std::size_t>(bytes, 1) - 1;
}

Operation Generator::read(const Model& model) {
  Operation operation;
  operation.kind = Operation::Kind::read;
  operation.job_id = job();
  const Model::Job* job = model.find(operation.job_id);
  operation.from = 1 + upto((job ? job->record.head_seq : 0) + 2);
  operation.max_events = 1 + upto(one_in(2) ? 5 : 300);
  operation.max_bytes = upto(20'000);
  if (job && one_in(2)) operation.max_bytes = about_the_size_of_some_lines(*job, operation.from);
  return operation;
}

Operation Generator::list() {
  Operation operation;
  operation.kind = Operation::Kind::list;
  ListQuery& query = operation.query;
  const auto some_time = [this] {
    return static_cast<std::int64_t>(upto(static_cast<std::uint64_t>(created_)));
  };
  if (one_in(3)) query.state = "failed";
  if (one_in(3)) query.tool_id = "tool";
  if (one_in(3)) query.label = "k=1";
  if (one_in(3)) query.since = some_time();
  if (one_in(3)) query.before = some_time();
  if (one_in(3)) query.max_bytes = upto(5000);
  query.limit = 1 + upto(8);
  query.unfinished = one_in(3);
  query.tombstones = one_in(3);
  return operation;
}

Operations Generator::operations(std::size_t count, bool reopens) {
  Operations operations;
  Model model;
  while (operations.size() < count) {
    Operation operation;
    if (reopens && one_in(100)) {
      operation.kind = Operation::Kind::reopen;
    } else if (one_in(2)) {
      operation.batch = batch(model);
      model.commit(operation.batch);
    } else if (one_in(3)) {
      operation = list();
    } else if (one_in(4)) {
      operation.kind = Operation::Kind::find;
      operation.job_id = job();
    } else {
      operation = read(model);
    }
    operations.push_back(std::move(operation));
  }
  return operations;
}

std::string perform(const Operation& operation, domed::Store& store, Model& model) try {
  switch (operation.kind) {
    case Operation::Kind::commit:
      return do_commit(operation, store, model);
    case Operation::Kind::read:
      return do_read(operation, store, model);
    case Operation::Kind::find:
      return do_find(operation, store, model);
    case Operation::Kind::list:
      return do_list(operation.query, store, model);
    case Operation::Kind::reopen:
      break;
  }
  return "";
} catch (const std::exception& error) {
  return std::string("threw: ") + error.what();
}

namespace {

// "list" without what stands from "at" on, "count" of it.
template <class List>
List without(List list, std::size_t at, std::size_t count) {
  const auto begin = list.begin() + static_cast<std::ptrdiff_t>(at);
  list.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(count, list.size() - at)));
  return list;
}

}  // namespace

Operations shrink(Operations operations, const std::function<bool(const Operations&)>& fails,
                  int tries) {
  const auto replaced_by = [&](Operations shorter) {
    if (tries <= 0) return false;
    --tries;
    if (!fails(shorter)) return false;
    operations = std::move(shorter);
    return true;
  };
  for (std::size_t size = std::max<std::size_t>(operations.size() / 2, 1); size > 0; size /= 2)
    for (std::size_t at = operations.size(); at > 0;) {
      at = at > size ? at - size : 0;
      replaced_by(without(operations, at, size));
      at = std::min(at, operations.size());
    }
  for (std::size_t i = 0; i < operations.size(); ++i)
    for (std::size_t at = operations[i].batch.size(); at > 0 && operations[i].batch.size() > 1;) {
      Operations shorter = operations;
      shorter[i].batch = without(shorter[i].batch, --at, 1);
      replaced_by(std::move(shorter));
      at = std::min(at, operations[i].batch.size());
    }
  return operations;
}

}  // namespace conformance
