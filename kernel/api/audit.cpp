#include "api/audit.h"

#include <algorithm>
#include <vector>

#include "base/words.h"

namespace domed {
namespace {

constexpr int kFailuresASecond = 20;
constexpr std::chrono::seconds kSecond(1);
constexpr std::size_t kMostBuckets = 256, kMostBegun = 64;
constexpr std::size_t kMostText = 512, kLongResult = 64 << 10;
constexpr const char* kLongChange[] = {"backup_id", "log_id"};

OrderedJson line_of(const Identity& who, std::string_view method, const std::string& job_id) {
  OrderedJson line{{"who", who.name}, {"role", role_name(who.role)}};
  if (!method.empty()) line["method"] = method;
  if (!job_id.empty()) line["job_id"] = shortened(job_id, kMostText);
  return line;
}

std::string text_in(const Json& object, const char* key) {
  const auto it = object.is_object() ? object.find(key) : object.end();
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

// The first piece has the record of what is imported, or asks for a backup and has its id yet to
// learn.
bool goes_on(const Json& params) {
  return !text_in(params, "backup_id").empty() ||
         (!text_in(params, "log_id").empty() && !params.contains("record"));
}

std::string as_text(const OrderedJson& line) {
  return line.dump(-1, ' ', true, OrderedJson::error_handler_t::replace);
}

}  // namespace

// By what the call says of itself, never by its reply's text: who asks has a part in that.
std::function<void(std::string_view, const ApiError*)> Audit::witness(IdentityPtr who,
                                                                      const Request& request,
                                                                      bool in_pieces) {
  const Json params = Json::parse(request.params, nullptr, false);
  const bool later = in_pieces && goes_on(params);
  std::map<std::string, std::string> ids;
  for (const char* key : kLongChange)
    if (const auto id = text_in(params, key); in_pieces && !id.empty()) ids[key] = id;
  return [this, who = std::move(who), method = request.method, in_pieces, later, ids,
          job_id = text_in(params, "job_id"), node = text_in(params, "node")](std::string_view result, const ApiError* error) {
    // A long one is a page, of a backup or a copy, and names no job; a backup's first one its id.
    const bool looked_at = !error && (result.size() < kLongResult || (in_pieces && !later));
    const Json said = looked_at ? Json::parse(result, nullptr, false) : Json();
    const std::string of = text_in(said, "job_id");
    OrderedJson line = line_of(*who, method, job_id.empty() ? of : job_id);
    if (!job_id.empty() && !of.empty() && of != job_id)
      line["new_job_id"] = shortened(of, kMostText);
    if (!node.empty()) line["node"] = shortened(node, kMostText);
    for (const char* key : kLongChange) {
      const auto given = ids.find(key);
      const std::string id = given != ids.end() ? given->second : text_in(said, key);
      if (in_pieces && !id.empty()) line[key] = shortened(id, kMostText);
    }
    line["outcome"] = error ? error->name() : "ok";
    if (error) line["message"] = shortened(error->what(), kMostText);
    if (error) return tell_failure(*who, std::move(line));
    in_pieces ? tell_piece(std::move(line), later) : tell(std::move(line));
  };
}

void Audit::done(const Identity& who, std::string_view method, const std::string& job_id,
                 const std::string& producer_id) {
  OrderedJson line = line_of(who, method, job_id);
  if (!producer_id.empty()) line["producer_id"] = shortened(producer_id, kMostText);
  line["outcome"] = "ok";
  tell(std::move(line));
}

void Audit::failed(const Identity& who, std::string_view method, const std::string& job_id,
                   const ApiError& error) {
  OrderedJson line = line_of(who, method, job_id);
  line["outcome"] = error.name();
  line["message"] = shortened(error.what(), kMostText);
  tell_failure(who, std::move(line));
}

void Audit::unread(const Identity& who, std::string_view method, const std::string& params,
                   const ApiError& error) {
  failed(who, method, text_in(Json::parse(params, nullptr, false), "job_id"), error);
}

void Audit::tell_failure(const Identity& who, OrderedJson line) {
  // Apart, so that nobody hides what they were refused behind what merely fails.
  const auto& outcome = line["outcome"];
  const bool refused = outcome == "E_FORBIDDEN" || outcome == "E_UNAUTHORIZED";
  {
    const std::lock_guard lock(mutex_);
    std::string text = as_text(line);
    Bucket& bucket = bucket_of(who, refused);
    const auto now = std::chrono::steady_clock::now();
    if (now - bucket.second >= kSecond) bucket.second = now, bucket.told = 0;
    if (text == last_ || bucket.told >= kFailuresASecond) {
      ++bucket.untold;
      return;
    }
    ++bucket.told;
    if (bucket.untold > 0) line["untold"] = std::exchange(bucket.untold, 0);
    last_ = std::move(text);
  }
  tell_counts();
  tell_(line);
}

// Whoever has no role here may be anybody, under as many names as there are: they share one.  So do
// those that there is no place for.
Audit::Bucket& Audit::bucket_of(const Identity& who, bool refused) {
  const Key key(who.name, refused);
  const auto found = buckets_.find(key);
  if (found != buckets_.end() && who.role != Role::none) return found->second;
  const auto now = std::chrono::steady_clock::now();
  if (buckets_.size() >= kMostBuckets)
    std::erase_if(buckets_, [&](const auto& one) {
      return one.second.untold == 0 && now - one.second.second >= kSecond;
    });
  const bool own = who.role != Role::none && buckets_.size() < kMostBuckets;
  Bucket& bucket = buckets_[own ? key : Key("", refused)];
  bucket.line = own ? line_of(who, "", "") : OrderedJson{{"who", "several"}};
  bucket.line["outcome"] = refused ? "refused" : "failed";
  return bucket;
}

// Whoever stops after a flood would else have what was left out uncounted.
void Audit::tell_counts(bool all) {
  std::vector<OrderedJson> lines;
  {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    for (auto& [key, bucket] : buckets_) {
      if (bucket.untold == 0 || (!all && now - bucket.second < kSecond)) continue;
      lines.push_back(bucket.line);
      lines.back()["untold"] = std::exchange(bucket.untold, 0);
    }
  }
  for (const auto& line : lines) tell_(line);
}

void Audit::tell(OrderedJson line) {
  {
    const std::lock_guard lock(mutex_);
    last_.clear();
  }
  tell_counts();
  tell_(line);
}

// Others may come between the pieces of a change.
void Audit::tell_piece(OrderedJson line, bool later) {
  {
    const std::lock_guard lock(mutex_);
    std::string text = as_text(line);
    if (later && std::find(begun_.begin(), begun_.end(), text) != begun_.end()) return;
    begun_.push_back(std::move(text));
    if (begun_.size() > kMostBegun) begun_.pop_front();
    last_.clear();
  }
  tell_counts();
  tell_(line);
}

}  // namespace domed
