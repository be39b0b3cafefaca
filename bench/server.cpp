#include "bench/server.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "client/producer.h"

namespace domed::bench {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto kPatience = 60s;

// As a plain scalar, where it is one, so that numbers stay numbers.
std::string yaml_of(const std::string& value) {
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '.' || c == '/' || c == '-';
  });
  return plain ? value : Json(value).dump();
}

}  // namespace

Directory::Directory(const Options& options) : path_(options.dir + "/domed-bench-XXXXXX") {
  if (!mkdtemp(path_.data())) throw std::runtime_error("cannot make a directory in " + options.dir);
}

Directory::~Directory() {
  std::error_code error;
  fs::remove_all(path_, error);
}

Server::Server(const Options& options, int max_running, int shards, const Listeners& more,
               const Directory* place)
    : options_(options), directory_(options), endpoint_("ipc://" + directory_.path() + "/c.ipc") {
  std::string store_lines;
  for (const auto& [name, value] : store_options(options, (place ? *place : directory_).path()))
    store_lines += (store_lines.empty() ? ", options: { " : ", ") + name + ": " + yaml_of(value);
  if (!store_lines.empty()) store_lines += " }";
  std::ofstream(directory_.path() + "/domed.yaml")
      << "domed: 1\n"
      << "control: { listen: [\"" << endpoint_ << "\"" << more.control << "] }\n"
      << "events: { listen: [\"ipc://" << directory_.path() << "/e.ipc\"" << more.events
      << "], shards: " << shards << " }\n"
      << "state_dir: " << directory_.path() << "/state\n"
      << "plugin_path: [\"" << fs::absolute(options.plugins).string() << "\"]\n"
      << "store: { plugin: " << options.store << store_lines << " }\n"
      << "provenance: []\n"
      << "jobs: { allow_ad_hoc: true, max_running: " << max_running << " }\n"
      << (place ? "cluster: {}\n" : "");
  start();
}

void Server::start() {
  client_.reset();
  process_ = std::make_unique<Child>(std::vector<std::string>{options_.bin + "/domed", "--config",
                                                              directory_.path() + "/domed.yaml"},
                                     directory_.path() + "/log");
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    client_ = std::make_unique<Client>(endpoint_);
    try {
      client_->call("Health", Json::object());
      return;
    } catch (const ApiError&) {
      std::this_thread::sleep_for(1ms);
    }
  }
  throw std::runtime_error("the daemon does not serve: " +
                           read_if_there(directory_.path() + "/log"));
}

std::string Server::endpoint(const std::string& scheme) const {
  const std::string word = " serves " + scheme + "://";
  for (const auto deadline = std::chrono::steady_clock::now() + kPatience;
       std::chrono::steady_clock::now() < deadline; std::this_thread::sleep_for(1ms)) {
    const std::string log = read_if_there(directory_.path() + "/log");
    const auto at = log.find(word);
    const auto end = at == std::string::npos ? at : log.find('\n', at);
    if (end != std::string::npos) return log.substr(at + 8, end - at - 8);
  }
  throw std::runtime_error("the daemon does not serve " + scheme);
}

void Server::forget_cached_pages() const {
  for (const auto& file : fs::recursive_directory_iterator(directory_.path())) {
    if (!file.is_regular_file()) continue;
    const Fd fd(open(file.path().c_str(), O_RDONLY | O_CLOEXEC));
    fdatasync(fd.get());
    posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  }
}

std::uint64_t Server::disk_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& file : fs::recursive_directory_iterator(directory_.path() + "/state"))
    if (file.is_regular_file()) bytes += file.file_size();
  return bytes;
}

Job submit(Client& client, const std::string& key) {
  const Json job = client.call("SubmitJob", {{"idempotency_key", key}, {"executor", "external"}});
  return {job.at("job_id"), job.at("producer_token")};
}

Job submit_running(Client& client, const std::string& key) {
  Job job = submit(client, key);
  ProducerOptions producer;
  producer.job_id = job.id, producer.producer_token = job.token, producer.producer_id = "bench";
  client.call_text("AppendJobEvents", Producer::freeze(producer, 1, kRunning));
  return job;
}

std::string log_events(std::uint64_t count, std::size_t bytes, const std::string& stamp) {
  std::string text = stamp;
  while (text.size() < bytes) text += static_cast<char>('a' + text.size() % 26);
  const std::string event =
      R"({"type":"log","payload":{"stream":"stdout","text":")" + text + "\"}}";
  std::string out = "[";
  for (std::uint64_t i = 0; i < count; ++i) out += (i ? "," : "") + event;
  return out + "]";
}

}  // namespace domed::bench
