#include "deployment/node_credentials.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace domed {

NodeCredentials read_node_credentials(const YamlFields& node,
                                      const std::filesystem::path& directory, Checker& check) {
  const auto file = [&](const YamlFields& fields, const char* key) -> std::string {
    const std::string text = fields.text(key, "");
    if (text.empty()) return "";
    std::string path = (directory / text).lexically_normal().string();
    if (access(path.c_str(), R_OK) != 0)
      check.fail(*fields.find(key),
                 fields.subject(key) + ": cannot read " + path + ": " + std::strerror(errno));
    return path;
  };
  NodeCredentials out;
  out.token_file = file(node, "token");
  const YamlNode* place = node.find("tls");
  if (!place || place->kind == YamlNode::Kind::null) return out;
  const YamlFields tls(check, *place, "node.tls", {"ca", "cert", "key"});
  out.ca = file(tls, "ca");
  out.cert = file(tls, "cert");
  out.key = file(tls, "key");
  if (out.cert.empty() != out.key.empty())
    check.fail(*place, "node.tls.cert and node.tls.key belong together");
  return out;
}

}  // namespace domed
