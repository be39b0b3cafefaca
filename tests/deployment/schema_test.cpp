// docs/deployment.schema.json against the readers, from both sides, so that neither can fall behind
// the other: complete.yaml has every key of the schema, the readers tell every key that they know,
// and whatever the schema refuses of complete.yaml they refuse too.
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/json.h"
#include "base/json_schema.h"
#include "deployment/deployment.h"
#include "deployment/effective.h"
#include "support/certificates.h"
#include "support/scratch.h"

namespace domed {
namespace {

using Path = std::vector<std::string>;

std::string contents(const std::filesystem::path& file) {
  std::ostringstream out;
  out << std::ifstream(file).rdbuf();
  return out.str();
}

// "#/$defs/NAME" replaced by what it names, for a validator that knows no references.
Json resolved(const Json& schema, const Json& defs) {
  if (schema.is_object() && schema.contains("$ref")) {
    const auto name = schema["$ref"].get<std::string>().substr(std::string("#/$defs/").size());
    Json out = resolved(defs.at(name), defs);
    for (const auto& [key, value] : schema.items())
      if (key != "$ref") out[key] = value;
    return out;
  }
  Json out = schema;
  if (schema.is_structured())
    for (auto it = out.begin(); it != out.end(); ++it) *it = resolved(*it, defs);
  return out;
}

Json deployment_schema() {
  Json schema = Json::parse(contents(TEST_SOURCE "/docs/deployment.schema.json"));
  const Json defs = schema["$defs"];
  schema.erase("$defs");
  return resolved(schema, defs);
}

// The map, of the alternatives that "schema" may have.
const Json& map_of(const Json& schema) {
  if (schema.contains("anyOf"))
    for (const Json& one : schema["anyOf"])
      if (one.contains("properties")) return one;
  return schema;
}

// The section that messages call "what": control.listen.tls, tools[0].limits.
const Json* section_of(const Json& schema, const std::string& what) {
  const Json* at = &schema;
  std::istringstream in(what);
  for (std::string part; std::getline(in, part, '.');) {
    part = part.substr(0, part.find('['));
    at = &map_of(*at);
    if (!at->contains("properties") || !at->at("properties").contains(part)) return nullptr;
    at = &at->at("properties").at(part);
    if (at->contains("items")) at = &at->at("items");
  }
  return &map_of(*at);
}

std::set<std::string> keys_of(const Json& map) {
  std::set<std::string> out;
  for (const auto& [key, value] : map.items()) out.insert(key);
  return out;
}

// Each key of each section of "schema", as the section's name and the key: "jobs max_running".
void list_keys(const Json& schema, const std::string& name, std::set<std::string>& out) {
  const Json& map = map_of(schema);
  if (map.contains("items")) return list_keys(map["items"], name, out);
  if (!map.contains("properties")) return;
  for (const auto& [key, value] : map["properties"].items()) {
    out.insert(name + " " + key);
    list_keys(value, name.empty() ? key : name + "." + key, out);
  }
}

// Calls "see" with the place and the schema of each value of "value" that has a schema of its own.
template <class See>
void walk(const Json& schema, const Json& value, Path path, const See& see) {
  if (!path.empty()) see(path, schema);
  const Json& map = map_of(schema);
  const auto step = [&](const Json& below, const std::string& key) {
    Path longer = path;
    longer.push_back(key);
    walk(below, value.is_array() ? value[std::stoul(key)] : value[key], longer, see);
  };
  if (value.is_array() && map.contains("items"))
    for (std::size_t i = 0; i < value.size(); ++i) step(map["items"], std::to_string(i));
  if (!value.is_object()) return;
  for (const auto& [key, below] : value.items())
    if (map.contains("properties") && map["properties"].contains(key))
      step(map["properties"][key], key);
    else if (map.contains("additionalProperties") && map["additionalProperties"].is_object())
      step(map["additionalProperties"], key);
}

std::string written(const Path& path) {
  std::string out;
  for (const auto& part : path) out += "/" + part;
  return out;
}

class SchemaTest : public ::testing::Test {
 protected:
  SchemaTest() : authority_(scratch_.path().string(), "ca") {
    scratch_.write(
        "plugins/store-x.yaml",
        "name: store-x\nkind: store\nversion: 1.0\nabi: 2\nsummary: S\nlicense: MIT\n"
        "options:\n  password: {type: string, required: true, secret: true, description: P.}\n"
        "  pin: {type: integer, secret: true, default: 7, description: P.}\n");
    scratch_.write(
        "plugins/provenance-x.yaml",
        "name: provenance-x\nkind: provenance\nversion: 1.0\nabi: 2\nsummary: S\n"
        "license: MIT\noptions:\n  depth: {type: integer, default: 1, description: D.}\n");
    std::string tokens;
    for (const char* name : {"a", "b1", "c"})
      tokens += "- {name: " + std::string(name) + ", sha256: \"" + std::string(64, '0') + "\"}\n";
    chmod(scratch_.write("tokens.yaml", tokens).c_str(), 0600);
    chmod(scratch_.write("store.key", std::string(64, '5')).c_str(), 0600);
    const auto shown = authority_.issue_for_server();
    variables_ = {{"SCRATCH", scratch_.path().string()},
                  {"CERT", shown.cert},
                  {"KEY", shown.key},
                  {"CA", authority_.file()},
                  {"CRL", authority_.write_list()},
                  {"GROUP", getgrgid(getegid())->gr_name}};
    context_.installation = scratch_.path();
    context_.variables = [this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    };
    context_.sections = [this](const std::string& what, const std::vector<std::string>& known) {
      if (!known.empty()) sections_[what] = {known.begin(), known.end()};
    };
    Checker check("complete.yaml");
    complete_ =
        Json::parse(to_json(check.parse(contents(TEST_SOURCE "/tests/deployment/complete.yaml"))));
  }

  Deployment load(const std::string& text) {
    return load_deployment(scratch_.write("domed.yaml", text), context_);
  }
  // What the readers say of the complete deployment with "value" at "path"; empty: it is good.
  std::string read_with(const Path& path, const Json& value) {
    return testing::error_of([&] { load(with(path, value).dump()); });
  }
  std::string schema_with(const Path& path, const Json& value) const {
    return misfit(schema_, with(path, value), "it");
  }
  Json with(const Path& path, const Json& value) const {
    Json out = complete_;
    Json* at = &out;
    for (const auto& part : path) at = at->is_array() ? &at->at(std::stoul(part)) : &(*at)[part];
    *at = value;
    return out;
  }

  testing::Scratch scratch_;
  test::Authority authority_;
  std::map<std::string, std::string, std::less<>> variables_;
  std::map<std::string, std::set<std::string>> sections_;
  DeploymentContext context_;
  const Json schema_ = deployment_schema();
  Json complete_;
};

TEST_F(SchemaTest, TakesWhatTheReadersTake) {
  EXPECT_EQ("", schema_problem(schema_, "schema"));
  EXPECT_EQ("", misfit(schema_, complete_, "complete.yaml"));
  EXPECT_EQ("", testing::error_of([&] { load(complete_.dump()); }));
}

TEST_F(SchemaTest, HasTheKeysThatTheReadersKnow) {
  load(complete_.dump());
  std::set<std::string> known, described;
  for (const auto& [what, keys] : sections_) {
    // A tokens file is another one, and so is a manifest.
    if (what == "a token" || what.starts_with("options")) continue;
    const Json* section = section_of(schema_, what);
    if (!section || !section->contains("properties")) continue;
    EXPECT_EQ(keys, keys_of(section->at("properties"))) << "in " << what;
    std::string name = what;
    for (auto at = name.find('['); at != std::string::npos; at = name.find('['))
      name.erase(at, name.find(']') - at + 1);
    for (const auto& key : keys) known.insert(name + " " + key);
  }
  list_keys(schema_, "", described);
  EXPECT_EQ(described, known) << "a section of the schema that no reader knows, or the reverse";
  EXPECT_GT(known.size(), 70u);
}

TEST_F(SchemaTest, AndCompleteYamlHasEveryKey) {
  std::set<std::string> described, there;
  list_keys(schema_, "", described);
  walk(schema_, complete_, {}, [&](const Path& path, const Json&) {
    std::string section;
    for (std::size_t i = 0; i + 1 < path.size(); ++i)
      if (!std::isdigit(static_cast<unsigned char>(path[i][0])))
        section += (section.empty() ? "" : ".") + path[i];
    there.insert(section + " " + path.back());
  });
  for (const auto& key : described) EXPECT_TRUE(there.contains(key)) << key;
}

TEST_F(SchemaTest, UnknownKeysAreRefusedByBoth) {
  const auto refused = [&](const Path& path, const Json& schema) {
    if (!map_of(schema).contains("properties")) return;
    Path unknown = path;
    unknown.push_back("zz");
    if (!with(path, Json::object()).is_object()) return;
    const Json* at = &complete_;
    for (const auto& part : path) at = at->is_array() ? &at->at(std::stoul(part)) : &at->at(part);
    if (!at->is_object()) return;
    EXPECT_NE("", schema_with(unknown, 1)) << written(unknown);
    EXPECT_NE(std::string::npos, read_with(unknown, 1).find("unknown key 'zz'"))
        << written(unknown);
  };
  refused({}, schema_);
  walk(schema_, complete_, {}, refused);
}

TEST_F(SchemaTest, FaultyValuesAreRefusedByBoth) {
  std::set<std::string> told;  // what both refuse some value of
  walk(schema_, complete_, {}, [&](const Path& path, const Json& schema) {
    std::vector<Json> faulty{Json{{"zz", {1}}}, Json::array({Json::array()}), "?! ", -1};
    if (schema.contains("minimum")) faulty.push_back(schema["minimum"].get<std::int64_t>() - 1);
    if (schema.contains("maximum")) faulty.push_back(schema["maximum"].get<std::int64_t>() + 1);
    for (const Json& value : faulty) {
      if (schema_with(path, value).empty()) continue;
      EXPECT_NE("", read_with(path, value)) << written(path) << ": " << value;
      told.insert(written(path));
    }
    // Free maps aside, something can be wrong with everything.
    EXPECT_TRUE(told.contains(written(path))) << written(path) << " takes anything";
  });
  EXPECT_GT(told.size(), 80u);
}

TEST_F(SchemaTest, TheShippedDeploymentsFitIt) {
  std::size_t seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TEST_SOURCE "/config")) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string text = contents(entry.path());
    EXPECT_TRUE(text.starts_with("# yaml-language-server: $schema=")) << entry.path();
    Checker check(entry.path());
    EXPECT_EQ("", misfit(schema_, Json::parse(to_json(check.parse(text))), entry.path())) << text;
    ++seen;
  }
  EXPECT_GE(seen, 4u);
}

TEST_F(SchemaTest, EffectiveValuesCanBeLoadedAgainAndShowNoSecret) {
  const std::string first = effective_yaml(load(complete_.dump()));
  EXPECT_EQ(first, effective_yaml(load(first))) << "what is read back is the same";
  EXPECT_NE(std::string::npos, first.find("password: \"***\"")) << first;
  EXPECT_NE(std::string::npos, first.find("# pin: ***")) << first;
  EXPECT_NE(std::string::npos, first.find("TOKEN: \"***\"")) << first;
  for (const char* secret : {"a$b", "a$$b", "a secret", "5555"})
    EXPECT_EQ(std::string::npos, first.find(secret)) << first;
  Checker check("effective.yaml");
  const Json printed = Json::parse(to_json(check.parse(first)));
  EXPECT_EQ("", misfit(schema_, printed, "it")) << first;
  // Nothing is left out, so that a new key cannot be forgotten here.
  walk(schema_, complete_, {}, [&](const Path& path, const Json&) {
    const Json* at = &printed;
    for (const auto& part : path) {
      if (at->is_array() && at->size() > std::stoul(part))
        at = &at->at(std::stoul(part));
      else if (at->is_object() && at->contains(part))
        at = &at->at(part);
      else if (path[path.size() - 2] != "roles" && path[0] != "events" && path.back() != "options")
        return ADD_FAILURE() << written(path) << " is not printed:\n" << first;
      else
        return;
    }
  });
}

TEST_F(SchemaTest, EffectiveValuesOfTheSmallestDeploymentAreItsDefaults) {
  const std::string text = effective_yaml(
      load("domed: 1\ncontrol: {listen: [\"ipc:///run/c\"]}\nevents: {listen: [\"ipc:///run/e\"]}\n"
           "state_dir: /state\nstore: {plugin: store-x, options: {password: x}}\n"));
  for (const char* line : {"max_running: 4", "allow_ad_hoc: false", "keep_finished: 30d"})
    EXPECT_NE(std::string::npos, text.find(line)) << text;
  EXPECT_EQ(std::string::npos, text.find("roles:")) << text;
  EXPECT_EQ(text, effective_yaml(load(text)));
}

}  // namespace
}  // namespace domed
