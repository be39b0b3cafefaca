#include "client/lookup.h"

#include <netdb.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/unsignalled.h"
#include "system/fd.h"

namespace domed {
namespace {

// The system tells of names in numbers of its own.
int error_of_lookup(int result) {
  switch (result) {
    case 0:
      return 0;
    case EAI_SYSTEM:
      return errno;
    case EAI_AGAIN:
    case EAI_NONAME:
      return EHOSTUNREACH;
    case EAI_MEMORY:
      return ENOMEM;
    default:
      return EADDRNOTAVAIL;
  }
}

int look_up(const std::string& host, const std::string& port, int family, int flags,
            std::vector<Lookup::Address>& addresses) {
  addrinfo wanted{};
  wanted.ai_family = family;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int result = getaddrinfo(host.c_str(), port.c_str(), &wanted, &found);
  if (result != 0) return error_of_lookup(result);
  for (const addrinfo* one = found; one; one = one->ai_next) {
    Lookup::Address address{{}, one->ai_addrlen};
    std::memcpy(&address.bytes, one->ai_addr, one->ai_addrlen);
    addresses.push_back(address);
  }
  freeaddrinfo(found);
  return 0;
}

}  // namespace

struct Lookup::State {
  std::string host, port;
  Fd over{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex;
  int result = 0;
  std::vector<Address> addresses;

  void finish(int how, std::vector<Address> found) {
    {
      const std::lock_guard lock(mutex);
      result = how;
      addresses = std::move(found);
    }
    eventfd_write(over.get(), 1);
  }
};

Lookup::Lookup(const std::string& place, int family) : state_(std::make_shared<State>()) {
  const auto colon = place.rfind(':');
  if (!state_->over || colon == std::string::npos || colon + 1 == place.size()) {
    state_->finish(state_->over ? EADDRNOTAVAIL : EMFILE, {});
    return;
  }
  state_->host = place.substr(0, colon);
  state_->port = place.substr(colon + 1);
  if (state_->host.starts_with('[') && state_->host.ends_with(']'))
    state_->host = state_->host.substr(1, state_->host.size() - 2);
  std::vector<Address> numbers;
  if (look_up(state_->host, state_->port, family, AI_NUMERICHOST, numbers) == 0) {
    state_->finish(0, std::move(numbers));
    return;
  }
  const Unsignalled unsignalled;
  try {
    std::thread([state = state_, family] {
      std::vector<Address> found;
      const int result = look_up(state->host, state->port, family, 0, found);
      state->finish(result, std::move(found));
    }).detach();
  } catch (const std::system_error&) {
    state_->finish(EAGAIN, {});
  }
}

const std::string& Lookup::host() const {
  return state_->host;
}

int Lookup::descriptor() const {
  return state_->over.get();
}

int Lookup::result(std::vector<Address>& addresses) const {
  const std::lock_guard lock(state_->mutex);
  addresses = state_->addresses;
  return state_->result;
}

}  // namespace domed
