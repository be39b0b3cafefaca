#include "machine.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <utility>

namespace domed::host {
namespace {

constexpr std::size_t kMaxFile = 64 << 10;
constexpr const char* kNone = "none detected";

using Mark = std::pair<std::string_view, std::string_view>;  // text, kind

std::string trimmed(std::string text) {
  const auto blank = [](unsigned char c) { return c <= ' '; };
  text.erase(std::find_if_not(text.rbegin(), text.rend(), blank).base(), text.end());
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), blank));
  return text;
}

// The rest of the first line that begins with "key", or nothing.
std::string line_of(const std::string& text, std::string_view key) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    if (line.starts_with(key)) return trimmed(std::string(line.substr(key.size())));
    begin = end + 1;
  }
  return "";
}

template <std::size_t N>
std::string kind_in(const std::string& text, const std::array<Mark, N>& marks) {
  for (const auto& [mark, kind] : marks)
    if (text.find(mark) != std::string::npos) return std::string(kind);
  return "";
}

}  // namespace

std::string Machine::read(const std::string& path) const {
  std::ifstream file(root_ + path, std::ios::binary);
  // The size that stat tells is 0 for files of /proc.  They are read as far as this; what is looked
  // for stands in the first lines.
  std::string text(kMaxFile, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

bool Machine::exists(const std::string& path) const {
  struct stat info;
  return ::stat((root_ + path).c_str(), &info) == 0;
}

std::string Machine::os() const {
  // In this order, as os-release(5) has it.
  for (const char* file : {"/etc/os-release", "/usr/lib/os-release"}) {
    std::string name = line_of(read(file), "PRETTY_NAME=");
    // Quotes and backslashes are the shell's in that file; names have none of their own.
    std::erase_if(name, [](char c) { return c == '"' || c == '\'' || c == '\\'; });
    if (!name.empty()) return name;
  }
  return "";
}

std::string Machine::cpu() const {
  const std::string info = read("/proc/cpuinfo");
  // On x86, ARM boards, MIPS and RISC-V; other kernels name no model.
  for (const char* key : {"model name\t:", "Model\t\t:", "cpu model\t\t:", "uarch\t\t:"})
    if (const std::string name = line_of(info, key); !name.empty()) return name;
  return "";
}

std::string Machine::id() const {
  return trimmed(read("/etc/machine-id"));
}

std::string Machine::locale() const {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const auto value = variable_(name); value && !value->empty()) return *value;
  return "C";
}

std::string Machine::container() const {
  static constexpr std::array<Mark, 5> kGroups{{{"kubepods", "kubernetes"},
                                                {"docker", "docker"},
                                                {"libpod", "podman"},
                                                {"containerd", "containerd"},
                                                {"lxc", "lxc"}}};
  // From the most to the least particular: a pod is a container of containerd's as well.
  if (variable_("KUBERNETES_SERVICE_HOST")) return "kubernetes";
  if (const std::string name = trimmed(read("/run/systemd/container")); !name.empty()) return name;
  if (exists("/run/.containerenv")) return "podman";
  if (exists("/.dockerenv")) return "docker";
  const std::string kind = kind_in(read("/proc/self/cgroup"), kGroups);
  return kind.empty() ? kNone : kind;
}

std::string Machine::vm() const {
  static constexpr std::array<Mark, 9> kMakers{{{"KVM", "kvm"},
                                                {"QEMU", "qemu"},
                                                {"Amazon EC2", "amazon"},
                                                {"Google", "google"},
                                                {"VMware", "vmware"},
                                                {"VirtualBox", "virtualbox"},
                                                {"Microsoft Corporation", "hyper-v"},
                                                {"Xen", "xen"},
                                                {"Parallels", "parallels"}}};
  if (exists("/proc/xen")) return "xen";
  const std::string flags = " " + line_of(read("/proc/cpuinfo"), "flags\t\t:") + " ";
  // Makers of hypervisors make computers too, so their name alone says nothing.
  if (flags.find(" hypervisor ") == std::string::npos) return kNone;
  const std::string kind =
      kind_in(read("/sys/class/dmi/id/product_name") + "\n" + read("/sys/class/dmi/id/sys_vendor"),
              kMakers);
  return kind.empty() ? "another hypervisor" : kind;
}

}  // namespace domed::host
