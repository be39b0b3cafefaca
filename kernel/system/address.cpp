#include "system/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace domed {

std::string ip_text(std::string_view bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  if (bytes.size() == sizeof(in_addr)) inet_ntop(AF_INET, bytes.data(), text, sizeof text);
  if (bytes.size() == sizeof(in6_addr)) inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

std::string peer_address(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return ip_text({reinterpret_cast<const char*>(&v4.sin_addr), sizeof v4.sin_addr}) + ":" +
           std::to_string(ntohs(v4.sin_port));
  }
  if (address.ss_family != AF_INET6) return "";
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  return "[" + ip_text({reinterpret_cast<const char*>(&v6.sin6_addr), sizeof v6.sin6_addr}) +
         "]:" + std::to_string(ntohs(v6.sin6_port));
}

}  // namespace domed
