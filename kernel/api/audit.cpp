#include "api/audit.h"

#include "base/words.h"

namespace domed {
namespace {

constexpr int kRefusalsASecond = 20;
constexpr std::size_t kMostText = 512;

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

void Audit::watch(Call& call, const std::string& method) {
  const std::string job_id = text_in(Json::parse(call.params, nullptr, false), "job_id");
  call.reply = [this, who = call.who, method, job_id,
                reply = std::move(call.reply)](std::string text) {
    answered(*who, method, job_id, text);
    reply(std::move(text));
  };
}

// A page of a backup is long, and tells no more.
void Audit::answered(const Identity& who, const std::string& method, const std::string& job_id,
                     std::string_view reply) {
  constexpr std::size_t kLong = 64 << 10;
  const Json answer = reply.size() < kLong ? Json::parse(reply, nullptr, false) : Json();
  if (answer.is_object() && answer.contains("error")) {
    const Json& error = answer.at("error");
    const Json data = error.value("data", Json::object());
    return refused(who, method, job_id, {text_in(data, "error"), text_in(error, "message")});
  }
  const Json result = answer.is_object() ? answer.value("result", Json()) : Json();
  done(who, method, job_id.empty() ? text_in(result, "job_id") : job_id);
}

void Audit::done(const Identity& who, std::string_view method, const std::string& job_id,
                 const std::string& producer_id) {
  OrderedJson line = line_of(who, method, job_id);
  if (!producer_id.empty()) line["producer_id"] = shortened(producer_id, kMostText);
  line["outcome"] = "ok";
  tell(std::move(line), false);
}

void Audit::refused(const Identity& who, std::string_view method, const std::string& job_id,
                    const ApiError& error) {
  OrderedJson line = line_of(who, method, job_id);
  line["outcome"] = error.name();
  line["message"] = shortened(error.what(), kMostText);
  tell(std::move(line), true);
}

void Audit::tell(OrderedJson line, bool is_refusal) {
  {
    const std::lock_guard lock(mutex_);
    std::string text = line.dump(-1, ' ', true, OrderedJson::error_handler_t::replace);
    if (text == last_) return;
    if (is_refusal) {
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
