#include "api/audit.h"

#include "base/words.h"

namespace domed {
namespace {

constexpr int kRefusalsASecond = 20;
constexpr std::size_t kMostText = 512, kLongResult = 64 << 10;

OrderedJson line_of(const Identity& who, std::string_view method, const std::string& job_id) {
  OrderedJson line{{"who", who.name}, {"role", role_name(who.role)}, {"method", method}};
  if (!job_id.empty()) line["job_id"] = shortened(job_id, kMostText);
  return line;
}

std::string text_in(const Json& object, const char* key) {
  const auto it = object.is_object() ? object.find(key) : object.end();
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

}  // namespace

// By what the call says of itself, never by its reply's text: who asks has a part in that.
std::function<void(std::string_view, const ApiError*)> Audit::witness(IdentityPtr who,
                                                                      const Request& request,
                                                                      bool in_pieces) {
  return [this, who = std::move(who), method = request.method, in_pieces,
          job_id = text_in(Json::parse(request.params, nullptr, false), "job_id")](
             std::string_view result, const ApiError* refusal) {
    if (refusal) return refused(*who, method, job_id, *refusal);
    // A long one is a page, of a backup or a copy, and names no job.
    const std::string of =
        result.size() < kLongResult ? text_in(Json::parse(result, nullptr, false), "job_id") : "";
    OrderedJson line = line_of(*who, method, job_id.empty() ? of : job_id);
    if (!job_id.empty() && !of.empty() && of != job_id) line["new_job_id"] = of;
    line["outcome"] = "ok";
    tell(std::move(line), in_pieces ? Kind::piece : Kind::change);
  };
}

void Audit::done(const Identity& who, std::string_view method, const std::string& job_id,
                 const std::string& producer_id) {
  OrderedJson line = line_of(who, method, job_id);
  if (!producer_id.empty()) line["producer_id"] = shortened(producer_id, kMostText);
  line["outcome"] = "ok";
  tell(std::move(line), Kind::change);
}

void Audit::refused(const Identity& who, std::string_view method, const std::string& job_id,
                    const ApiError& error) {
  OrderedJson line = line_of(who, method, job_id);
  line["outcome"] = error.name();
  line["message"] = shortened(error.what(), kMostText);
  tell(std::move(line), Kind::refusal);
}

void Audit::tell(OrderedJson line, Kind kind) {
  {
    const std::lock_guard lock(mutex_);
    std::string text = line.dump(-1, ' ', true, OrderedJson::error_handler_t::replace);
    if (kind != Kind::change && text == last_) return;
    if (kind == Kind::refusal) {
      const auto now = std::chrono::steady_clock::now();
      if (now - second_ >= std::chrono::seconds(1)) second_ = now, told_ = 0;
      if (++told_ > kRefusalsASecond) {
        ++untold_;
        return;
      }
      if (untold_ > 0) line["untold"] = std::exchange(untold_, 0);
    }
    last_ = std::move(text);
  }
  tell_(line);
}

}  // namespace domed
