#include "main/doors.h"

#include <algorithm>

#include "domed/error.h"
#include "jobs/state_dir.h"

namespace domed {
namespace {

std::vector<Doorway> doors_at(const std::vector<Listener>& listeners, const std::string& node,
                              const std::shared_ptr<const Tokens>& tokens, bool says_why) {
  std::vector<Doorway> out;
  for (const Listener& listener : listeners) {
    Doorway& door = out.emplace_back();
    door.access = std::make_shared<Access>(listener.grants, node, tokens, says_why);
    if (listener.tls) door.tls = std::make_shared<tls::ServerContext>(files_of(listener));
  }
  return out;
}

// Whether the roles of "listener" wait for a restart: the names in them are those of its
// authorities.
bool roles_wait(const Listener& listener, const std::vector<Listener>& read) {
  return std::none_of(read.begin(), read.end(), [&](const Listener& other) {
    return other.url == listener.url && other.grants == listener.grants;
  });
}

std::vector<tls::ServerContext::Files> read_files(const std::vector<Doorway>& doors,
                                                  const std::vector<Listener>& now,
                                                  const std::vector<Listener>& read,
                                                  std::vector<std::string>& failed) {
  std::vector<tls::ServerContext::Files> out;
  for (const Listener& listener : now) {
    const Doorway& door = doors.at(out.size());
    auto& files = out.emplace_back();
    if (listener.tls) try {
        files = tls::ServerContext::load(files_of(listener));
        if (!roles_wait(listener, read) || door.tls->has_authorities_of(files)) continue;
        files.reset();
        failed.push_back(listener.url +
                         ": its roles wait for a restart, and so do the authorities of its "
                         "clients, and all its files with them");
      } catch (const Error& failure) {
        if (std::any_of(read.begin(), read.end(),
                        [&](const Listener& other) { return other.url == listener.url; }))
          throw;
        failed.emplace_back(failure.what());
      }
  }
  return out;
}

void use_files(const std::vector<Doorway>& doors,
               const std::vector<tls::ServerContext::Files>& files) {
  for (std::size_t i = 0; i < doors.size(); ++i)
    if (files.at(i)) doors[i].tls->use(files[i]);
}

}  // namespace

std::vector<std::shared_ptr<tls::ServerContext>> Doors::contexts() const {
  std::vector<std::shared_ptr<tls::ServerContext>> out;
  for (const auto* doors : {&control, &events})
    for (const Doorway& door : *doors)
      if (door.tls) out.push_back(door.tls);
  return out;
}

// A subscriber hears no reasons, and sends no token.
Doors doors_of(const Deployment& deployment, const std::shared_ptr<const Tokens>& tokens) {
  const std::string node = node_id(deployment.state_dir);
  return {doors_at(deployment.control_listen, node, tokens, true),
          doors_at(deployment.events_listen, node, nullptr, false)};
}

DoorFiles read_files(const Doors& doors, const Deployment& now, const Deployment& read) {
  DoorFiles out;
  out.control = read_files(doors.control, now.control_listen, read.control_listen, out.failed);
  out.events = read_files(doors.events, now.events_listen, read.events_listen, out.failed);
  return out;
}

// A name means somebody else under other files: roles are narrowed to what both deployments give,
// until nobody is there any more whom the new files would not let in.
void change_doors(const Doors& doors, Tokens& tokens, const Deployment& now, const DoorFiles& files,
                  const std::function<void()>& end_others) {
  const auto each = [&](const auto& action) {
    for (std::size_t i = 0; i < doors.control.size(); ++i)
      action(*doors.control[i].access, now.control_listen.at(i).grants);
    for (std::size_t i = 0; i < doors.events.size(); ++i)
      action(*doors.events[i].access, now.events_listen.at(i).grants);
  };
  each([](Access& access, const auto& grants) { access.narrow(grants); });
  tokens.replace(now.tokens);
  use_files(doors.control, files.control);
  use_files(doors.events, files.events);
  end_others();
  each([](Access& access, const auto& grants) { access.replace(grants); });
}

}  // namespace domed
