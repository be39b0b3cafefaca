#include "deployment/tokens.h"

#include <map>
#include <set>

#include "base/units.h"
#include "deployment/private_file.h"
#include "domed/error.h"
#include "yaml/yaml_check.h"
#include "yaml/yaml_fields.h"

namespace domed {
namespace {

bool is_token_name(const std::string& name) {
  return !name.empty() && name.size() <= 256 && is_identity(name);
}

Tokens::Token read_token(const YamlNode& item, Checker& check) {
  Tokens::Token out;
  const YamlFields fields(check, item, "a token", {"name", "sha256", "expires"});
  out.name = fields.text("name");
  if (const YamlNode* name = fields.find("name"); name && !is_token_name(out.name))
    check.fail(*name, "'name' must be of letters, digits and ._@:/-, is " + in_quotes(out.name));
  if (const YamlNode* hash = fields.need("sha256"); hash && !from_hex(hash->text, out.sha256))
    check.fail(*hash, "'sha256' must be 64 lower-case hex characters");
  if (const YamlNode* expires = fields.find("expires")) {
    out.expires = parse_time(expires->text);
    if (!out.expires) check.fail(*expires, "'expires' must be a time such as 2027-01-31T12:00:00Z");
  }
  return out;
}

}  // namespace

std::vector<Tokens::Token> load_tokens(const std::filesystem::path& file) {
  must_be_private(file, "'domectl token new NAME >> FILE' makes one");
  Checker check(file);
  const YamlNode root = check.read();
  std::vector<Tokens::Token> out;
  std::set<std::string> names;
  std::map<Digest, std::string> secrets;
  if (!root.bad && root.kind != YamlNode::Kind::null && root.kind != YamlNode::Kind::list)
    check.fail(root, "must be a list of maps with 'name' and 'sha256'");
  for (const YamlNode& item : root.items) {
    if (root.kind != YamlNode::Kind::list || item.bad) continue;
    out.push_back(read_token(item, check));
    if (!names.insert(out.back().name).second)
      check.fail(item, "the token " + in_quotes(out.back().name) + " is there twice");
    // Whoever sends it would be one of the two by chance, and taking either away would not.
    const auto [other, fresh] = secrets.emplace(out.back().sha256, out.back().name);
    if (!fresh && out.back().sha256 != Digest{} && other->second != out.back().name)
      check.fail(item, "the tokens " + in_quotes(other->second) + " and " +
                           in_quotes(out.back().name) +
                           " have the same secret: make one anew with 'domectl token new'");
  }
  check.done();
  return out;
}

}  // namespace domed
