#include "settings.h"

#include <memory>

namespace domed::postgres {
namespace {

// libpq's text may repeat the URL, so a password in it is looked for before anything else.
void check_url(const std::string& url) {
  char* problem = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parts(
      PQconninfoParse(url.c_str(), &problem), PQconninfoFree);
  const std::unique_ptr<char, void (*)(void*)> text(problem, PQfreemem);
  if (!parts)
    throw Error(Code::invalid_argument,
                "store-postgres: the option 'url' is not one that libpq takes; write "
                "postgresql://USER@HOST/DATABASE");
  for (const PQconninfoOption* part = parts.get(); part->keyword; ++part)
    if (std::string_view(part->keyword) == "password" && part->val)
      throw Error(Code::invalid_argument,
                  "store-postgres: the option 'url' holds a password, which logs would show: put "
                  "it into the option 'password'");
}

}  // namespace

Settings settings_of(const Options& options, Host& host) {
  const std::string url = options.text("url");
  check_url(url);
  Settings settings;
  // In libpq's order what comes later counts; the URL stands where "dbname" does.
  settings.parameters = {
      {"target_session_attrs", "read-write"},
      // A host that answers nothing at all must leave time for the next one.
      {"tcp_user_timeout", "3000"},
      {"keepalives_idle", "5"},
      {"keepalives_interval", "2"},
      {"keepalives_count", "3"},
      {"application_name", "domed"},
      {"dbname", url},
      {"client_encoding", "UTF8"},
  };
  for (const char* option : {"password", "sslrootcert", "sslcert", "sslkey"})
    if (const std::string value = options.text(option); !value.empty())
      settings.parameters.emplace_back(option, value);
  if (const std::string mode = options.text("sslmode"); mode != "url")
    settings.parameters.emplace_back("sslmode", mode);
  settings.schema = options.text("schema");
  settings.patience = options.duration("patience");
  settings.back_off = options.duration("back_off");
  settings.readers = static_cast<int>(options.integer("readers"));
  settings.log = [&host](Level level, const std::string& line) { host.log(level, line); };
  return settings;
}

}  // namespace domed::postgres
