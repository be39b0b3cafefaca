#include "inquiry.h"

namespace domed::git {

Outcome Inquiry::call(Call call) const {
  call.git_dir = repository.view->path();
  call.work_tree = repository.top;
  return git.call(call, deadline);
}

std::string Inquiry::reason(const char* what, const Outcome& outcome) const {
  std::string text = git.reason(what, outcome, deadline);
  // In git's words it is the view that is damaged; it is a window, and random besides.
  const std::string& window = repository.view->path();
  for (std::size_t at = text.find(window); at != std::string::npos; at = text.find(window))
    text.replace(at, window.size(), repository.place.git_dir);
  // It is not told where the rest of the objects is, so as to fetch nothing.
  static constexpr std::string_view kDamage = "the repository is corrupt: ";
  const bool missing = text.find("unable to read") != std::string::npos ||
                       text.find("bad object") != std::string::npos ||
                       text.find("missing") != std::string::npos;
  if (repository.config.partial && missing && text.starts_with(kDamage))
    return "an object is missing in this partial clone (nothing is fetched): " +
           text.substr(kDamage.size());
  return text;
}

}  // namespace domed::git
