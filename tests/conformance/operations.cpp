#include "operations.h"

#include <algorithm>
#include <map>

#include "domed/store_rules.h"

namespace conformance {
namespace {

using Action = Entry::Action;

std::string quoted(const std::string& id) {
  return "'" + id.substr(0, 20) + (id.size() > 20 ? "...'" : "'");
}

// Enough of a revision to tell it from others.
std::string shortened(const std::string& revision) {
  return revision.empty() ? "none" : hex(revision).substr(0, 6);
}

std::string listed(const std::vector<std::string>& tags) {
  std::string text;
  for (const std::string& tag : tags) text += (text.empty() ? "" : " ") + quoted(tag);
  return tags.empty() ? "none" : text;
}

std::string described(const Draft& draft) {
  static const std::map<Action, std::string> kNames = {{Action::append, "append"},
                                                       {Action::trim, "trim"},
                                                       {Action::purge, "purge"},
                                                       {Action::drop, "drop"}};
  std::string text = kNames.at(draft.action) + ' ' + quoted(draft.job_id) + " of revision " +
                     shortened(*draft.expected_revision);
  if (draft.action == Action::append)
    text += " behind seq " + std::to_string(draft.base) + ": " + std::to_string(draft.ends.size()) +
            " lines, " + std::to_string(draft.events.size()) + " bytes";
  if (draft.action != Action::drop) text += ", then of revision " + shortened(draft.revision);
  if (draft.action == Action::trim) text += ", first seq " + std::to_string(draft.first_seq);
  if (draft.fixed) text += ", fixed of " + std::to_string(draft.fixed->size()) + " bytes";
  if (draft.action == Action::drop) return text;
  text += ", created " + std::to_string(draft.columns.created) + ", state " + draft.columns.state;
  return text + ", tags " + listed(draft.columns.tags);
}

std::string described(const ListQuery& query) {
  std::string text = "list limit " + std::to_string(query.limit);
  if (!query.state.empty()) text += ", state " + query.state;
  if (!query.tags.empty()) text += ", tags " + listed(query.tags);
  if (query.since != 0) text += ", since " + std::to_string(query.since);
  if (query.before != 0) text += ", before " + std::to_string(query.before);
  if (!query.before_id.empty()) text += ", before id " + quoted(query.before_id);
  if (!query.id_prefix.empty()) text += ", id prefix " + quoted(query.id_prefix);
  if (!query.after_id.empty()) text += ", after id " + quoted(query.after_id);
  if (query.max_bytes != SIZE_MAX) text += ", max bytes " + std::to_string(query.max_bytes);
  if (query.unfinished) text += ", unfinished";
  if (query.tombstones) text += ", tombstones";
  return text;
}

std::string difference(const Outcomes& expected, const Outcomes& actual) {
  if (expected.size() != actual.size())
    return "there must be " + std::to_string(expected.size()) + " outcomes, are " +
           std::to_string(actual.size());
  std::string text;
  for (std::size_t i = 0; i < actual.size(); ++i)
    if (expected[i] != actual[i])
      text += "entry " + std::to_string(i + 1) + " must be " +
              ::testing::PrintToString(expected[i]) + ", is " +
              ::testing::PrintToString(actual[i]) + "; ";
  return text;
}

std::string do_commit(const Operation& operation, domed::Store& store, Model& model) {
  const auto expected = model.commit(operation.batch);
  try {
    const auto actual = commit(store, operation.batch);
    return expected ? difference(*expected, actual) : "the batch must be refused, and is taken";
  } catch (const domed::Error& error) {
    if (error.code() == Code::stale) throw;
    if (!expected && error.code() == Code::invalid_argument) return "";
    return std::string(expected ? "threw: " : "must throw invalid_argument, threw: ") +
           error.what();
  }
}

std::string do_read(const Operation& o, const domed::Store& store, const Model& model) {
  const Model::Job* job = model.find(o.job_id);
  const auto slice = store.read(o.job_id, o.from, o.max_events, o.max_bytes, o.direction);
  if (slice.has_value() != (job != nullptr))
    return job ? "the job must be there, and is absent" : "the job must be absent, and is there";
  if (!job) return "";
  const Lines lines = Model::lines(*job, o.from, o.max_events, o.max_bytes, o.direction);
  std::string text = conformance::difference(job->record, slice->job, false) +
                     conformance::difference(lines, lines_in(*slice));
  const std::uint64_t from = o.direction == Direction::forward
                                 ? std::max(o.from, job->record.first_seq)
                                 : std::min(o.from, job->record.head_seq + 1) - lines.size();
  if (!lines.empty() && slice->from != from)
    text += "from must be " + std::to_string(from) + ", is " + std::to_string(slice->from);
  return text;
}

std::string do_find(const Operation& operation, const domed::Store& store, const Model& model) {
  return conformance::difference(model.find(operation.job_id), store, operation.job_id);
}

// Whether "page", whose jobs are right, and what comes behind it are all that is asked for.
std::string rest_difference(ListQuery query, const domed::JobPage& page, const Model& model) {
  query.limit = query.max_bytes = SIZE_MAX;
  const auto all = model.list(query);
  std::vector<JobRecord> behind;
  if (page.more && !goes_on(page, query)) return "the next page does not lie behind this one";
  if (page.more) domed::go_on(page, query), behind = model.list(query);
  if (page.jobs.size() + behind.size() == all.size()) return "";
  return std::to_string(all.size()) + " records must be on this page and behind it, are " +
         std::to_string(page.jobs.size()) + " and " + std::to_string(behind.size());
}

std::string do_list(const ListQuery& query, const domed::Store& store, const Model& model) {
  const auto expected = model.list(query);
  const domed::JobPage actual = store.list(query);
  std::string text;
  for (std::size_t i = 0; i < std::min(expected.size(), actual.jobs.size()); ++i)
    text += conformance::difference(expected[i], actual.jobs[i], true);
  if (actual.jobs.size() > expected.size())
    text += "there must be at most " + std::to_string(expected.size()) + " records, are " +
            std::to_string(actual.jobs.size()) + "; ";
  return text.empty() ? rest_difference(query, actual, model) : text;
}

}  // namespace

std::string describe(const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::commit:
      break;
    case Operation::Kind::read:
      return "read " + quoted(operation.job_id) +
             (operation.direction == Direction::forward ? " from " : " backward from ") +
             std::to_string(operation.from) + ", max events " +
             std::to_string(operation.max_events) + ", max bytes " +
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

// Ids that a store may take for each other, if it takes them for texts or patterns.
std::string Generator::job() {
  const std::string number = std::to_string(upto(11));
  return (one_in(5) ? one_in(2) ? "JOB" : "job_" : "job") + number;
}

std::string Generator::revision() {
  std::string bytes;
  for (std::size_t i = 0; i < domed::kRevisionBytes; ++i) bytes += static_cast<char>(upto(255));
  return bytes;
}

// That of the job, most of the time; or one that it had, or none.
std::string Generator::expected_revision(const Model& model, const std::string& id) {
  const Model::Job* job = model.find(id);
  const std::vector<std::string>& given = given_[id];
  if (one_in(30)) return "";
  if (one_in(15) && !given.empty()) return given[upto(given.size() - 1)];
  if (one_in(50)) return revision();
  return job ? job->record.revision : "";
}

std::vector<std::string> Generator::tags() {
  static const std::vector<std::string> kTags = {
      "k=1", "k=12", "K=1", "k=", std::string("k=\0", 3), "tool=x"};
  std::vector<std::string> tags;
  for (const std::string& tag : kTags)
    if (one_in(3)) tags.push_back(tag);
  return tags;
}

std::string Generator::line() {
  std::string text(one_in(50) ? upto(60'000) : upto(200), '\0');
  for (char& c : text) c = static_cast<char>(' ' + upto(90));
  return text;
}

JobColumns Generator::columns() {
  static const char* const kStates[] = {"queued", "running", "failed"};
  return {.created = 1 + static_cast<std::int64_t>(upto(12)),  // often equal
          .state = kStates[upto(2)],
          .unfinished = one_in(3),
          .tags = tags()};
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
  draft.expected_revision = expected_revision(model, id);
  draft.revision = revision();
  draft.head = "head " + std::to_string(upto(1000));
  draft.columns = columns();
  if (one_in(4)) draft.fixed = std::string(upto(3000), 'f');
  const std::uint64_t head = job ? job->record.head_seq : 0;
  const bool creates = draft.expected_revision->empty();
  const std::uint64_t action = creates ? 19 : upto(19);
  if (action == 0) draft.action = Action::purge;
  if (action < 3 && action > 0) draft.action = Action::trim;
  if (action == 3 || (job && job->record.tombstone && !creates && one_in(3)))
    draft.action = Action::drop;
  if (draft.action != Action::drop) given_[id].push_back(draft.revision);
  if (draft.action == Action::trim) draft.first_seq = 1 + upto(head);
  if (draft.action != Action::append) return draft;
  draft.base = creates ? one_in(4) ? upto(20) : 0 : head;
  // Whoever has an old revision has an old base, too.
  if (job && *draft.expected_revision != job->record.revision) draft.base = upto(head);
  if (creates || !one_in(10)) add_lines(draft);
  return draft;
}

// An append that is not at the head of its job, or a trim beyond it.
void Generator::misplace(Draft& draft) {
  if (draft.action == Action::append) draft.base += one_in(2) ? 1 : 30;
  if (draft.action == Action::trim) draft.first_seq += 1000;
}

// Breaks one rule of the interface.
void Generator::spoil(std::vector<Draft>& batch) {
  Draft& draft = batch[upto(batch.size() - 1)];
  switch (upto(8)) {
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
      draft.columns.tags.push_back(one_in(2) ? "" : std::string(domed::kMaxTagBytes + 1, 't'));
      return;
    case 5:
      draft.expected_revision = std::string(1 + upto(domed::kRevisionBytes - 2), 'r');
      return;
    case 6:
      draft.columns.tags = {"k=1", "tool=x", "k=1"};
      return;
    case 7:
      batch.push_back(batch[0]);
      return;
    default:
      misplace(draft);
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
  if (one_in(15)) spoil(batch);
  if (one_in(20)) misplace(batch[upto(batch.size() - 1)]);
  return batch;
}

// Limits are wrong at their edges, if anywhere.
std::size_t Generator::about_the_size_of_some_lines(const Model::Job& job, const Operation& read) {
  std::size_t bytes = upto(2);
  for (const std::string& line :
       Model::lines(job, read.from, 1 + upto(4), SIZE_MAX, read.direction))
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
  if (one_in(2)) operation.direction = Direction::backward;
  if (job && one_in(2)) operation.max_bytes = about_the_size_of_some_lines(*job, operation);
  return operation;
}

Operation Generator::list() {
  Operation operation;
  operation.kind = Operation::Kind::list;
  ListQuery& query = operation.query;
  const auto some_time = [this] { return 1 + static_cast<std::int64_t>(upto(13)); };
  if (one_in(4)) query.state = "failed";
  if (one_in(3)) query.tags = tags();
  if (query.tags.size() > 2) query.tags.resize(2);
  if (one_in(4)) query.since = some_time();
  if (one_in(4)) {
    static const char* const kPrefixes[] = {"job", "job1", "job_", "JOB", "j", "job%"};
    query.id_prefix = kPrefixes[upto(5)];
    if (one_in(2)) query.after_id = job();
  } else if (one_in(2)) {
    query.before = some_time();
    if (one_in(2)) query.before_id = job();
  }
  if (one_in(3)) query.max_bytes = upto(5000);
  query.limit = 1 + upto(8);
  query.unfinished = one_in(4);
  query.tombstones = one_in(5);
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
} catch (const domed::Error& error) {
  if (error.code() == Code::stale) throw;
  return std::string("threw: ") + error.what();
}

}  // namespace conformance
