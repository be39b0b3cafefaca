#include <memory>

#include "base/units.h"
#include "base/words.h"
#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/output_file.h"
#include "domectl/table.h"
#include "domed/support/hash.h"
#include "protocol/identity.h"

namespace domed::ctl {
namespace {

constexpr std::size_t kSecretBytes = 32, kMostName = 256;

int who_am_i(Context& context) {
  const std::string result = context.client().call_raw("WhoAmI", Json::object());
  if (context.json) {
    put_json(out(), result);
    return 0;
  }
  const Json who = Json::parse(result);
  std::string roles;
  for (const auto& role : who.at("roles"))
    roles += (roles.empty() ? "" : ", ") + role.get<std::string>();
  put(visible(who.at("identity").get<std::string>() + ": " + (roles.empty() ? "no role" : roles)) +
      "\n");
  return 0;
}

// No daemon is asked: the secret is shown to whoever made it, once, and the deployment's file gets
// its hash alone.
struct NewToken {
  std::string name, expires, file;
};

int new_token(Context& context, const NewToken& given) {
  const auto& [name, expires, file] = given;
  if (name.empty() || name.size() > kMostName || !is_identity(name))
    throw UsageError("a token's name has letters, digits and ._@:/-, not " + in_quotes(name));
  const std::string secret = "domed_" + random_hex(kSecretBytes);
  OrderedJson entry{{"name", name}, {"sha256", sha256_hex(secret)}};
  if (!expires.empty()) {
    const auto later = duration_of(expires, "--expires");
    entry["expires"] = format_time(
        now_micros() + std::chrono::duration_cast<std::chrono::microseconds>(later).count());
  }
  if (!file.empty()) {
    OutputFile out(file, OutputFile::Holds::secrets);
    out.output().put(secret + "\n");
    out.commit();
  }
  if (context.json) {
    put_json(out(), OrderedJson{{"token", secret}, {"entry", entry}}.dump());
    return 0;
  }
  // What goes into a file is the output, and the secret is for the eyes alone: each can be sent
  // where it belongs.
  std::string line = "- {name: \"" + name + "\", sha256: " + entry["sha256"].get<std::string>();
  if (entry.contains("expires"))
    line += ", expires: \"" + entry["expires"].get<std::string>() + "\"";
  put(line + "}\n");
  out().flush();
  if (!file.empty()) return 0;
  note(
      "the token, which is not shown again: put it into a file that only its user can read, and "
      "name that with --token-file or DOMED_TOKEN_FILE\n" +
      secret);
  return 0;
}

}  // namespace

void add_who(CLI::App& app, Context& context) {
  CLI::App* verb =
      app.add_subcommand("whoami", "Ask the daemon who you are to it, and what you may do");
  verb->callback([&context] { context.action = [&context] { return who_am_i(context); }; });

  CLI::App* token = app.add_subcommand("token", "Tokens, by which a daemon knows who asks");
  token->require_subcommand(1);
  const auto given = std::make_shared<NewToken>();
  verb = token->add_subcommand(
      "new",
      "Make a token: its entry for the deployment's 'tokens' file on standard output, its "
      "secret on standard error");
  verb->add_option("NAME", given->name, "Whose it is: requests that send it are token:NAME's")
      ->required();
  verb->add_option("--out", given->file,
                   "Write the secret to this file (0600), and show it to nobody")
      ->type_name("FILE");
  verb->add_option("--expires", given->expires,
                   "It is good for so long, as in 90d (default: for ever)")
      ->type_name("TIME");
  verb->callback([&context, given] {
    context.action = [&context, given] { return new_token(context, *given); };
  });
}

}  // namespace domed::ctl
