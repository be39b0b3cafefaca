#include "deployment/listener.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>

#include "base/units.h"
#include "deployment/who_may.h"
#include "domed/error.h"
#include "protocol/endpoint.h"
#include "system/trusted_path.h"
#include "transport/listen_url.h"
#include "yaml/yaml_fields.h"

namespace domed {
namespace {

// The system takes this number for nobody at all.
constexpr std::int64_t kNobodysUid = 0xffff'ffff;

const std::vector<std::string> kRoles{"reader", "producer", "submitter", "operator"};

const char* list_of(Audience audience) {
  return audience == Audience::events ? "events.listen" : "control.listen";
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The name of a certificate or a token, or of all that begin so.
bool is_name(std::string_view text) {
  if (text.ends_with('*')) text.remove_suffix(1);
  return text.size() <= 256 && is_identity(text);
}

// "user:mary", "uid:1000", "group:builders", "cert:ci", "token:build-*" or "anyone", without the
// role; its problem otherwise.
std::string read_subject(const std::string& text, Grant& out) {
  const auto colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  out.name = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (text == "anyone") {
    out.to = Grant::To::anyone;
    return "";
  }
  const auto number = kind == "uid" && is_digits(out.name) ? parse_integer(out.name) : std::nullopt;
  if (number && *number < kNobodysUid) {
    out.to = Grant::To::user;
    out.id = static_cast<std::uint32_t>(*number);
    out.name = describe_user(out.id);
    return "";
  }
  if (kind == "user" || kind == "group") {
    out.to = kind == "user" ? Grant::To::user : Grant::To::group;
    const passwd* user = kind == "user" ? getpwnam(out.name.c_str()) : nullptr;
    const group* members = kind == "group" ? getgrnam(out.name.c_str()) : nullptr;
    if (!user && !members)
      return "there is no " + kind + " " + in_quotes(out.name) + " on this machine";
    out.id = user ? user->pw_uid : members->gr_gid;
    return "";
  }
  if ((kind == "cert" || kind == "token") && !out.name.empty() && is_name(out.name)) {
    out.to = kind == "cert" ? Grant::To::certificate : Grant::To::token;
    return "";
  }
  return in_quotes(text) +
         " is nobody: write user:NAME, uid:NUMBER, group:NAME, cert:NAME, token:NAME or anyone";
}

class ListenerReader {
 public:
  ListenerReader(const YamlNode& item, const ListenerContext& context, Checker& check)
      : item_(item), context_(context), list_(list_of(context.audience)), check_(check) {}

  Listener read() {
    // An URL alone is the usual case, of ipc.  What cannot be listened at has an empty url, and is
    // left out of the checks that compare listeners.
    const bool ok = item_.kind == YamlNode::Kind::map ? read_map() : read_url(item_);
    if (!ok || !check_roles()) out_.url.clear();
    if (context_.nng && !out_.url.empty()) warn_of_nng();
    return std::move(out_);
  }

 private:
  std::string scheme() const { return url_scheme(out_.url); }

  bool read_url(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::scalar) {
      check_.fail(node, list_ + " must be a list of URLs, or of maps with 'url'");
      return false;
    }
    out_.url = node.text;
    const std::string problem = check_listen_url(node.text, context_.shards);
    if (!problem.empty()) check_.fail(node, problem);
    return problem.empty();
  }

  bool read_map() {
    const YamlFields fields(check_, item_, list_, {"url", "roles", "origins", "tls"});
    const YamlNode* url = fields.need("url");
    const bool ok = url && read_url(*url);
    if (const YamlNode* roles = fields.find("roles")) read_roles(*roles);
    if (ok) read_origins(fields);
    return ok && read_tls(fields);
  }

  void read_roles(const YamlNode& node) {
    roles_node_ = &node;
    const std::string what = list_ + ".roles";
    const YamlFields fields(check_, node, what, kRoles);
    for (const YamlNode& key : node.keys) {
      const auto role = parse_role(key.text);
      const auto items = fields.items(key.text);
      // Nobody at all, or everybody?  Whoever means something says it.
      if (fields.texts(key.text, {}).empty())
        check_.fail(key, what + "." + key.text + " must name who has it, as in [anyone]");
      for (const YamlNode* item : items) {
        Grant grant{role.value_or(Role::none), Grant::To::anyone, ""};
        const std::string problem = read_subject(item->text, grant);
        if (!problem.empty())
          check_.fail(*item, what + ": " + problem);
        else
          check_subject(*item, grant);
        out_.grants.push_back(std::move(grant));
      }
    }
  }

  // Whether such a peer can be known at this listener at all.
  void check_subject(const YamlNode& at, const Grant& grant) {
    const bool ipc = scheme() == "ipc", tls = is_tls(out_.url);
    const auto fail = [&](const std::string& why) {
      check_.fail(at, in_quotes(at.text) + " cannot come by " + out_.url + ": " + why);
    };
    switch (grant.to) {
      case Grant::To::user:
      case Grant::To::group:
        if (!ipc) fail("the system tells which user connects over ipc alone");
        break;
      case Grant::To::certificate:
        if (!tls) fail("certificates are shown over tls+tcp and wss alone");
        break;
      case Grant::To::token:
        if (ipc) fail("over ipc the system says who it is, and no token is asked for");
        if (!ipc && context_.audience == Audience::events) fail("a subscriber cannot send a token");
        if (!ipc && !context_.has_tokens)
          fail(
              "the deployment names no file of tokens: tokens: FILE ('domectl token new' makes "
              "one)");
        break;
      case Grant::To::anyone:
        if (tls && !is_on_loopback())
          fail("beyond loopback that would be anybody at all: name certificates or tokens");
    }
  }

  bool is_on_loopback() const {
    const auto place = host_port(out_.url);
    return place && is_loopback(place->host);
  }

  void read_origins(const YamlFields& fields) {
    out_.origins = fields.texts("origins", {});
    for (const YamlNode* origin : fields.items("origins"))
      if (const std::string problem = check_origin(origin->text); !problem.empty())
        check_.fail(*origin, fields.subject("origins") + ": " + problem);
    // Ignored, it would look as if it kept somebody out.
    if (fields.find("origins") && !is_web(out_.url))
      check_.fail(
          *fields.find("origins"),
          fields.subject("origins") + " are of web pages, which come over ws:// and wss:// only");
  }

  bool read_tls(const YamlFields& fields) {
    const YamlNode* node = fields.find("tls");
    if (!is_tls(out_.url)) {
      if (node) check_.fail(*node, fields.subject("tls") + " is for tls+tcp:// and wss:// only");
      return !node;
    }
    if (!node) return true;  // which check_roles() tells
    const std::string what = list_ + ".tls";
    const YamlFields tls(check_, *node, what, {"cert", "key", "client_ca", "crl"});
    const auto file = [&](const char* key, bool needed) {
      const std::string text = needed ? tls.text(key) : tls.text(key, "");
      return text.empty() ? std::filesystem::path()
                          : (context_.directory / text).lexically_normal();
    };
    out_.tls = TlsFiles{file("cert", true), file("key", true), file("client_ca", false),
                        file("crl", false)};
    if (!out_.tls->crl.empty() && out_.tls->client_ca.empty())
      check_.fail(*tls.find("crl"), what + ".crl is of client_ca, which is not given");
    return true;
  }

  bool check_roles() {
    if (scheme() == "ipc") return check_ipc();
    if (is_tls(out_.url) && !out_.tls) {
      check_.fail(item_, out_.url +
                             " needs its files: {url: …, tls: {cert: FILE, key: FILE, client_ca: "
                             "FILE}, roles: {reader: [\"cert:*\"]}}");
      return false;
    }
    return is_tls(out_.url) ? check_tls() : check_plain();
  }

  // The daemon's user and root can reach its files whatever is written here.
  bool check_ipc() {
    if (!roles_node_ && !context_.group.empty())
      if (const group* members = getgrnam(context_.group.c_str()))
        out_.grants.push_back({least_role(), Grant::To::group, context_.group, members->gr_gid});
    if (roles_node_ && context_.group.empty())
      check_.warn(*roles_node_, "nobody but the daemon's user and root gets through to " +
                                    out_.url + ": name the group of all who may as control.group");
    add_operator(0, "root");
    add_operator(geteuid(), describe_user(geteuid()));
    return true;
  }

  void add_operator(uid_t id, const std::string& name) {
    if (std::none_of(out_.grants.begin(), out_.grants.end(), [&](const Grant& grant) {
          return grant.role == Role::admin && grant.to == Grant::To::user && grant.id == id;
        }))
      out_.grants.push_back({Role::admin, Grant::To::user, name, id});
  }

  Role least_role() const {
    return context_.audience == Audience::events ? Role::reader : Role::submitter;
  }

  bool names(Grant::To to) const {
    return std::any_of(out_.grants.begin(), out_.grants.end(),
                       [&](const Grant& grant) { return grant.to == to; });
  }

  bool check_tls() {
    if (!roles_node_) {
      check_.fail(item_, "at " + out_.url +
                             " nobody may do anything: say who may, as in roles: {reader: "
                             "[\"cert:*\"]}");
      return false;
    }
    if (names(Grant::To::certificate) && out_.tls->client_ca.empty()) {
      check_.fail(*roles_node_, "roles name certificates, and " + out_.url +
                                    " has no client_ca to check them by");
      return false;
    }
    warn_of_anyone();
    return true;
  }

  bool check_plain() {
    // Over tcp and ws everybody on this machine gets through: no default may grant them anything.
    // The warning comes at every start and in --check, for those who did not write the file.
    if (!roles_node_) {
      const bool events = context_.audience == Audience::events;
      check_.fail(item_, "at " + out_.url + " any user of this machine could connect and " +
                             deed_of(events ? Role::reader : Role::admin, context_.audience) +
                             "; use ipc://, " + (events ? "" : "or tokens, ") +
                             "or write it out if it is meant: {url: \"" + out_.url +
                             "\", roles: {" + (events ? "reader" : "operator") + ": [anyone]}}");
      return false;
    }
    warn_of_anyone();
    return true;
  }

  // Its own user could end the daemon anyway.
  void warn_of_nng() {
    if (is_tls(out_.url) || (scheme() == "ipc" && context_.group.empty())) return;
    check_.warn(item_, out_.url +
                           " is served by nng, which bounds no connection before its handshake: "
                           "whoever reaches it can take all descriptors of the daemon; leave out "
                           "'transport: nng' where they are not to be trusted with that");
  }

  void warn_of_anyone() {
    Role role = Role::none;
    for (const Grant& grant : out_.grants)
      if (grant.to == Grant::To::anyone) role = std::max(role, grant.role);
    if (role == Role::none) return;
    check_.warn(item_, "any user of this machine may connect to " + out_.url + " and " +
                           deed_of(role, context_.audience) + pages());
  }

  std::string pages() const {
    if (!is_web(out_.url)) return "";
    if (out_.origins.empty()) return "; no web page may (origins: none)";
    std::string list;
    for (const auto& origin : out_.origins) list += (list.empty() ? "" : ", ") + origin;
    return "; so may every web page of " + list + " in a browser on this machine";
  }

  const YamlNode& item_;
  const ListenerContext& context_;
  const std::string list_;
  Checker& check_;
  const YamlNode* roles_node_ = nullptr;
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

tls::ServerFiles files_of(const Listener& listener) {
  const auto names = [&](Grant::To to) {
    return std::any_of(listener.grants.begin(), listener.grants.end(),
                       [&](const Grant& grant) { return grant.to == to; });
  };
  const bool otherwise =
      names(Grant::To::anyone) || (names(Grant::To::certificate) && names(Grant::To::token));
  const TlsFiles& files = *listener.tls;
  return {files.cert, files.key, files.client_ca, files.crl,
          !files.client_ca.empty() && !otherwise};
}

static bool knows_certificates(const Listener& listener) {
  return listener.tls &&
         std::any_of(listener.grants.begin(), listener.grants.end(),
                     [](const Grant& grant) { return grant.to == Grant::To::certificate; });
}

void check_files(const YamlNode& item, const Listener& listener,
                 const std::vector<Listener>& others, Checker& check) {
  for (const Listener& other : others)
    if (knows_certificates(listener) && knows_certificates(other) &&
        other.tls->client_ca != listener.tls->client_ca) {
      check.warn(item,
                 "a certificate of " + listener.tls->client_ca.string() +
                     " is the same identity as one of that name of " +
                     other.tls->client_ca.string() + ", which " + other.url +
                     " trusts: each authority can speak, and own jobs, for the other's names");
      break;
    }
  if (listener.tls) try {
      for (const auto& text : tls::ServerContext(files_of(listener)).expiring(now_micros()))
        check.warn(item, text);
    } catch (const Error& e) {
      check.fail(item, listener.url + " cannot be served: " + e.what());
    }
}

Listener read_listener(const YamlNode& item, const ListenerContext& context, Checker& check) {
  return ListenerReader(item, context, check).read();
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
