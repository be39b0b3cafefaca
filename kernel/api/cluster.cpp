#include "api/cluster.h"

#include "base/json.h"
#include "base/units.h"
#include "base/words.h"
#include "domed/error.h"
#include "log/kernels_own.h"
#include "protocol/request.h"

namespace domed {
namespace {

constexpr std::size_t kMostSettings = 32 << 10;
constexpr std::size_t kMostProblems = 16 << 10;

}  // namespace

// The revision that the caller has seen keeps two operators from undoing each other's work.
void ClusterMethods::apply_cluster(Call call) const {
  Params params(call.params);
  KeptSettings settings;
  settings.text = params.required_text("text", kMostSettings);
  settings.file = params.text("file", 4096).value_or("settings");
  for (const char c : settings.file)
    if (static_cast<unsigned char>(c) < 0x20) invalid_request("'file' must be of one line");
  settings.by = call.who->name;
  const auto expected = static_cast<std::uint64_t>(params.integer("revision", 0, 0, INT64_MAX));
  params.done();
  if (!hooks_.check)
    throw ApiError("E_POLICY_DENIED",
                   "this daemon has its store for itself: what settings of all nodes would say "
                   "stands in its deployment");
  try {
    hooks_.check(settings.text, settings.file);
  } catch (const Error& e) {
    throw ApiError(
        "E_INVALID_REQUEST",
        shortened(std::string("the settings cannot be used, and nothing has changed:\n") + e.what(),
                  kMostProblems));
  }
  std::uint64_t revision = 0;
  journal_.run(kClusterRecord,
               [&](JobLog& log) { revision = keep_settings(log, expected, settings); });
  hooks_.take();
  call.result(OrderedJson{{"revision", revision}}.dump());
}

void ClusterMethods::get_cluster(Call call) const {
  Params(call.params).done();
  const KeptSettings settings = kept_settings(store_);
  OrderedJson out{{"revision", settings.revision}};
  if (settings.revision > 0)
    out.update({{"at", format_time(settings.at)},
                {"by", settings.by},
                {"file", settings.file},
                {"text", settings.text}});
  call.result(out.dump());
}

}  // namespace domed
