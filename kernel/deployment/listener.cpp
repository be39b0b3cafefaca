#include "deployment/listener.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/units.h"
#include "protocol/endpoint.h"
#include "system/trusted_path.h"
#include "transport/listen_url.h"
#include "yaml/yaml_fields.h"

namespace domed {
namespace {

// From the least to the most; each may do all that the ones before it may.
// Four are read and one is accepted as yet: files keep their form when the others come.
const std::vector<std::string> kRoles{"reader", "producer", "submitter", "operator"};

using Roles = std::map<std::string, std::vector<std::string>>;

// What is said of both kinds of listener, in their own words.
struct Words {
  const char* list;
  const char* role;  // the one that "anyone" may have
  std::string deed;  // what that lets them do
};

Words words_of(Audience audience) {
  if (audience == Audience::events)
    return {"events.listen", "reader", "read the events of every job"};
  return {"control.listen", "operator",
          "run any command as the daemon's user, " + describe_user(geteuid())};
}

class ListenerReader {
 public:
  ListenerReader(const YamlNode& item, Audience audience, Checker& check)
      : item_(item), words_(words_of(audience)), check_(check) {}

  Listener read(int shards) {
    // An URL alone is the usual case, of ipc.  What cannot be listened at has an empty url, and is
    // left out of the checks that compare listeners.
    const bool ok = item_.kind == YamlNode::Kind::map ? read_map(shards) : read_url(item_, shards);
    if (!ok || !check_roles()) out_.url.clear();
    return std::move(out_);
  }

 private:
  bool read_url(const YamlNode& node, int shards) {
    if (node.kind != YamlNode::Kind::scalar) {
      check_.fail(node,
                  std::string(words_.list) + " must be a list of URLs, or of maps with 'url'");
      return false;
    }
    out_.url = node.text;
    const std::string problem = check_listen_url(node.text, shards);
    if (!problem.empty()) check_.fail(node, problem);
    return problem.empty();
  }

  bool read_map(int shards) {
    const YamlFields fields(check_, item_, words_.list, {"url", "roles", "origins", "tls"});
    // Known, and refused in its own words: "unknown key" would send people to look for a typing
    // error.
    if (const YamlNode* tls = fields.find("tls"))
      check_.fail(*tls, fields.subject("tls") + " is not supported yet; leave it out");
    if (const YamlNode* roles = fields.find("roles")) read_roles(*roles);
    read_origins(fields);
    const YamlNode* url = fields.need("url");
    return url && read_url(*url, shards);
  }

  void read_roles(const YamlNode& node) {
    roles_node_ = &node;
    const std::string what = std::string(words_.list) + ".roles";
    const YamlFields fields(check_, node, what, kRoles);
    for (const YamlNode& key : node.keys) {
      roles_[key.text] = fields.texts(key.text, {});
      // Nobody at all, or everybody?  Whoever means something says it.
      if (roles_[key.text].empty())
        check_.fail(key, what + "." + key.text + " must name who has it, as in [anyone]");
    }
  }

  void read_origins(const YamlFields& fields) {
    out_.origins = fields.texts("origins", {});
    for (const YamlNode* origin : fields.items("origins"))
      if (const std::string problem = check_origin(origin->text); !problem.empty())
        check_.fail(*origin, fields.subject("origins") + ": " + problem);
    const YamlNode* url = fields.find("url");
    // Ignored, it would look as if it kept somebody out.
    if (url && fields.find("origins") && url_scheme(url->text) != "ws")
      check_.fail(*fields.find("origins"),
                  fields.subject("origins") + " are of web pages, which come over ws:// only");
  }

  bool check_roles() {
    // Over ipc the system says who connects, and the socket's directory keeps others out.  Over tcp
    // and ws everybody on this machine gets through, and whoever gets through runs commands as the
    // daemon's user: no default may grant that, and no word short of it.  The warning comes at
    // every start and in --check, for those who did not write the file.
    if (url_scheme(out_.url) == "ipc") {
      if (!roles_node_) return true;
      check_.fail(*roles_node_,
                  "roles over ipc are not supported yet; leave them out: the daemon's user and "
                  "root may do everything, and so may the members of control.group");
      return false;
    }
    if (!roles_node_) {
      check_.fail(item_, "at " + out_.url + " any user of this machine could connect and " +
                             words_.deed +
                             "; use ipc://, or write it out if it is meant: " + written_out());
      return false;
    }
    // Exactly this: "submitter: [anyone]" would read as a promise of less, which nothing keeps.
    if (roles_ != Roles{{words_.role, {"anyone"}}}) {
      check_.fail(*roles_node_, "other roles are not supported yet; use ipc://, or write " +
                                    written_out() + ", with which any user of this machine may " +
                                    words_.deed);
      return false;
    }
    check_.warn(item_, "any user of this machine may connect to " + out_.url + " and " +
                           words_.deed + pages());
    return true;
  }

  std::string written_out() const {
    return "{url: \"" + out_.url + "\", roles: {" + words_.role + ": [anyone]}}";
  }

  std::string pages() const {
    if (url_scheme(out_.url) != "ws") return "";
    if (out_.origins.empty()) return "; no web page may (origins: none)";
    std::string list;
    for (const auto& origin : out_.origins) list += (list.empty() ? "" : ", ") + origin;
    return "; so may every web page of " + list + " in a browser on this machine";
  }

  const YamlNode& item_;
  const Words words_;
  Checker& check_;
  const YamlNode* roles_node_ = nullptr;
  Roles roles_;
  Listener out_;
};

bool all_of(const std::string& text, const char* others) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view(others).find(c) != std::string_view::npos;
  });
}

bool is_host(const std::string& host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    return all_of(host.substr(1, host.size() - 2), ":.");
  return all_of(host, ".-_");
}

}  // namespace

Listener read_listener(const YamlNode& item, Audience audience, int shards, Checker& check) {
  return ListenerReader(item, audience, check).read(shards);
}

std::string check_origin(const std::string& text) {
  const std::string problem =
      in_quotes(text) +
      " is no origin: write scheme://host or scheme://host:port, in lower case "
      "and without a path, as in http://localhost:8080";
  const std::string scheme = url_scheme(text);
  if (!all_of(scheme, "+.-")) return problem;
  std::string host = text.substr(scheme.size() + 3);
  const auto colon = host.rfind(':');
  if (colon != std::string::npos && host.find(']', colon) == std::string::npos) {
    const std::string digits = host.substr(colon + 1);
    const auto port = parse_integer(digits);
    if (!port || *port < 1 || *port > 65535 || std::to_string(*port) != digits) return problem;
    const bool usual = (scheme == "http" && *port == 80) || (scheme == "https" && *port == 443);
    if (usual)
      return in_quotes(text) + " would never match: browsers leave out the usual port; write " +
             text.substr(0, text.rfind(':'));
    host.resize(colon);
  }
  return is_host(host) ? "" : problem;
}

}  // namespace domed
