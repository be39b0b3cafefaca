#include "record.h"

#include <nlohmann/json.hpp>

namespace domed::git {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kMaxSubmoduleBytes = 16 << 10;

// Cut between characters: half of one would not be UTF-8.
std::string shortened(const std::string& text) {
  if (text.size() <= kMaxText) return text;
  std::size_t end = kMaxText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

void put_unknown(Json& record, const std::string& field, const std::string& reason) {
  record[field] = "unknown";
  record[field + "_reason"] = shortened(reason.empty() ? "it was not examined" : reason);
}

// A cut name would be another name.
void put_text(Json& record, const std::string& field, const std::string& text) {
  if (text.size() > kMaxText) {
    put_unknown(record, field, "it is longer than 1024 bytes");
  } else if (text.empty()) {
    put_unknown(record, field, "git gave an empty answer");
  } else {
    record[field] = text;
  }
}

void put(Json& record, const std::string& field, const Known<std::string>& known) {
  if (known.value) {
    put_text(record, field, *known.value);
  } else {
    put_unknown(record, field, known.reason);
  }
}

void put(Json& record, const std::string& field, const Known<bool>& known) {
  if (known.value) {
    record[field] = *known.value ? "true" : "false";
  } else {
    put_unknown(record, field, known.reason);
  }
}

void put(Json& record, const std::string& field, const Known<std::uint64_t>& known) {
  if (known.value) {
    record[field] = *known.value;
  } else {
    put_unknown(record, field, known.reason);
  }
}

std::string dump(const Json& value) {
  // Paths and refs are bytes to git.  JSON is UTF-8, so that what is not is replaced and not
  // refused: the rest of the record is worth having.
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void put_submodules(Json& record, const Known<std::vector<SubmoduleState>>& known) {
  if (!known.value) return put_unknown(record, "submodules", known.reason);
  Json list = Json::array();
  for (const SubmoduleState& state : *known.value) {
    Json entry = Json::object();
    put_text(entry, "path", state.path);
    put(entry, "commit", state.commit);
    put(entry, "dirty", state.dirty);
    list.push_back(std::move(entry));
  }
  // All or none: a list that was cut would read like all of them.
  if (dump(list).size() > kMaxSubmoduleBytes) {
    return put_unknown(record, "submodules", "their list is longer than 16 KiB");
  }
  record["submodules"] = std::move(list);
}

Json known_record(const Findings& findings) {
  Json record = Json::object(), repo = Json::object();
  put(repo, "name", findings.name);
  put(repo, "remote", findings.remote);
  put(repo, "subdirectory", findings.subdirectory);
  record["repo"] = std::move(repo);
  put(record, "commit_sha", findings.commit);
  put(record, "tree_sha", findings.tree);
  put(record, "ref", findings.ref);
  put(record, "describe", findings.describe);
  put(record, "commit_time", findings.commit_time);
  put(record, "author_hash", findings.author_hash);
  put(record, "dirty_flag", findings.dirty);
  put(record, "changed_files", findings.changed);
  put(record, "untracked_files", findings.untracked);
  put(record, "diff_sha256", findings.diff);
  put_submodules(record, findings.submodules);
  record["flags"] = findings.flags;
  if (!findings.flags_reason.empty()) {
    record["flags_reason"] = "incomplete: " + shortened(findings.flags_reason);
  }
  return record;
}

Json unknown_record(const std::string& reason) {
  Json record = Json::object();
  for (const char* field :
       {"repo", "commit_sha", "tree_sha", "ref", "describe", "commit_time", "author_hash",
        "dirty_flag", "changed_files", "untracked_files", "diff_sha256", "submodules", "flags"}) {
    put_unknown(record, field, reason);
  }
  return record;
}

std::string finish(Json record, const std::string& version, const std::string& reason) {
  Json tools = Json::object();
  put(tools, "git",
      version.empty() ? Known<std::string>::not_known(reason) : Known<std::string>::of(version));
  record["tool_versions"] = std::move(tools);
  return dump(record);
}

}  // namespace

std::string to_record(const Findings& findings, const std::string& version) {
  if (!findings.problem.empty()) return to_unknown_record(findings.problem, version);
  return finish(known_record(findings), version, "");
}

std::string to_unknown_record(const std::string& reason, const std::string& version) {
  return finish(unknown_record(reason), version, reason);
}

}  // namespace domed::git
