#include "plan.h"

#include <memory>
#include <random>
#include <stdexcept>
#include <utility>

namespace domed::faults {
namespace {

using std::chrono::milliseconds;

Verdict pass(std::string message) {
  return {{std::move(message)}, {}, false};
}
Verdict drop() {
  return {};
}

// A plan for frames; requests and replies go through.
Plan frames(std::function<Filter()> make) {
  return [make](Way way) -> Filter { return way == Way::frame ? make() : pass; };
}

Plan drop_where(bool (*lost)(const std::string&)) {
  return frames([lost]() -> Filter {
    return
        [lost](std::string message) { return lost(message) ? drop() : pass(std::move(message)); };
  });
}

Plan none(std::uint64_t) {
  return [](Way) -> Filter { return pass; };
}

Plan drop_third(std::uint64_t) {
  return frames([]() -> Filter {
    return [count = 0](std::string message) mutable {
      return ++count % 3 == 0 ? drop() : pass(std::move(message));
    };
  });
}

Plan drop_all(std::uint64_t) {
  return drop_where([](const std::string&) { return true; });
}
Plan drop_jobs(std::uint64_t) {
  return drop_where(is_job_frame);
}
Plan drop_last(std::uint64_t) {
  return drop_where(tells_the_end);
}
Plan drop_heartbeats(std::uint64_t) {
  return drop_where([](const std::string& m) { return is_heartbeat(m) || !is_job_frame(m); });
}

Plan repeat(std::uint64_t) {
  return frames([]() -> Filter {
    return [](std::string message) { return Verdict{{message, message, message}, {}, false}; };
  });
}

// Each frame comes after its successor.
Plan reorder(std::uint64_t) {
  return frames([]() -> Filter {
    return [held = std::string()](std::string message) mutable {
      if (held.empty()) {
        held = std::move(message);
        return drop();
      }
      return Verdict{{std::move(message), std::exchange(held, {})}, {}, false};
    };
  });
}

// A generator for each connection, all from one seed.
using Dice = std::shared_ptr<std::mt19937_64>;
std::function<Dice()> dice(std::uint64_t seed) {
  const auto seeds = std::make_shared<std::mt19937_64>(seed);
  return [seeds] { return std::make_shared<std::mt19937_64>((*seeds)()); };
}

Plan delay(std::uint64_t seed) {
  return frames([roll = dice(seed)]() -> Filter {
    return [die = roll()](std::string message) {
      Verdict verdict = pass(std::move(message));
      if ((*die)() % 8 == 0) verdict.delay = milliseconds((*die)() % 200);
      return verdict;
    };
  });
}

// A plan for one way of the control socket.
Plan control(Way wanted, std::function<Filter()> make) {
  return [wanted, make](Way way) -> Filter { return way == wanted ? make() : pass; };
}

Plan delay_replies(std::uint64_t seed) {
  return control(Way::reply, [roll = dice(seed)]() -> Filter {
    return [die = roll()](std::string message) {
      Verdict verdict = pass(std::move(message));
      if ((*die)() % 4 == 0) verdict.delay = milliseconds((*die)() % 150);
      return verdict;
    };
  });
}

// The daemon did what it was asked; nobody hears of it.
Plan lose_replies(std::uint64_t seed) {
  return control(Way::reply, [roll = dice(seed)]() -> Filter {
    return [die = roll()](std::string message) {
      if ((*die)() % 10 != 0) return pass(std::move(message));
      return Verdict{{}, {}, true};
    };
  });
}

Plan cut(std::uint64_t seed) {
  return [roll = dice(seed)](Way) -> Filter {
    return [die = roll()](std::string message) {
      Verdict verdict = pass(std::move(message));
      verdict.cut = (*die)() % 40 == 0;
      return verdict;
    };
  };
}

// A bit of everything.
Plan mixed(std::uint64_t seed) {
  std::vector<Plan> parts;
  for (const auto make : {drop_third, repeat, reorder, delay, delay_replies, lose_replies, cut})
    parts.push_back(make(seed++));
  return [parts, roll = dice(seed)](Way way) -> Filter {
    std::vector<Filter> filters;
    for (const auto& part : parts) filters.push_back(part(way));
    return [filters, die = roll()](std::string message) mutable {
      return filters[(*die)() % filters.size()](std::move(message));
    };
  };
}

}  // namespace

bool is_job_frame(const std::string& message) {
  return message.rfind("job/", 0) == 0;
}

bool is_heartbeat(const std::string& message) {
  if (!is_job_frame(message)) return false;
  const auto header = message.find('\n');
  const auto end = header == std::string::npos ? header : message.find('\n', header + 1);
  return end == std::string::npos || end + 1 == message.size();
}

bool tells_the_end(const std::string& message) {
  if (!is_job_frame(message) || is_heartbeat(message)) return false;
  for (const char* state : {"succeeded", "failed", "canceled"})
    if (message.find("\"state\":\"" + std::string(state)) != std::string::npos) return true;
  return false;
}

const std::vector<NamedPlan>& plans() {
  static const std::vector<NamedPlan> all{
      {"none", "lets everything through", none},
      {"drop-third", "loses every third frame", drop_third},
      {"drop-all", "loses every frame, the daemon's pulse too", drop_all},
      {"drop-jobs", "loses every frame of a job, and lets the daemon's pulse through", drop_jobs},
      {"drop-last", "loses the frame with the terminal event", drop_last},
      {"drop-heartbeats", "loses all heartbeats and the daemon's pulse", drop_heartbeats},
      {"repeat", "sends every frame three times", repeat},
      {"reorder", "swaps each two frames", reorder},
      {"delay", "holds frames up for up to 200 ms", delay},
      {"delay-replies", "holds replies up for up to 150 ms", delay_replies},
      {"lose-replies", "loses one reply in ten after the request was done, with its connection",
       lose_replies},
      {"cut", "ends a connection after one message in forty", cut},
      {"mixed", "does any of these, by turns", mixed}};
  return all;
}

Plan plan_of(const std::string& name, std::uint64_t seed) {
  std::string known;
  for (const auto& plan : plans()) {
    if (plan.name == name) return plan.make(seed);
    known += std::string(known.empty() ? "" : ", ") + plan.name;
  }
  throw std::invalid_argument("no fault plan '" + name + "': there are " + known);
}

}  // namespace domed::faults
