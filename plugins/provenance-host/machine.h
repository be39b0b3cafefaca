#pragma once

#include <functional>
#include <optional>
#include <string>

namespace domed::host {

// A variable of the environment; nullopt: it is not set.
using Variable = std::function<std::optional<std::string>(const std::string& name)>;

// What a machine's own files say.  "root" is "" but in tests.  An empty text:
// they do not say.  Thread-safe; starts no program.
class Machine {
 public:
  Machine(std::string root, Variable variable)
      : root_(std::move(root)), variable_(std::move(variable)) {}

  std::string os() const;      // "Debian GNU/Linux 12 (bookworm)"
  std::string cpu() const;     // the model's name
  std::string id() const;      // /etc/machine-id
  std::string locale() const;  // what LC_ALL, LC_CTYPE or LANG choose
  // A kind, or "none detected": nothing proves that there is none.
  std::string container() const;  // docker, podman, kubernetes, lxc, ...
  std::string vm() const;         // kvm, vmware, ..., "another hypervisor"

  const Variable& variable() const { return variable_; }

 private:
  std::string read(const std::string& path) const;
  bool exists(const std::string& path) const;

  std::string root_;
  Variable variable_;
};

}  // namespace domed::host
