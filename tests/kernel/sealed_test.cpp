// What stands in a store of a deployment that has a store key, and what comes of it without the
// key.
#include <fstream>

#include "log/kernels_own.h"
#include "log/sealed_store.h"
#include "support/harness.h"

namespace domed::test {
namespace {

const std::string kSecret = "s3cret-value-of-a-variable";

StoreKeys keys(const std::string& digits) {
  std::string text;
  for (const char digit : digits) text += std::string(64, digit) + "\n";
  return digits.empty() ? StoreKeys() : StoreKeys::parse(text);
}

// By its only digit.
std::string id_of(char digit) {
  return keys({digit}).ids().at(0);
}

class Sealed : public ::testing::TestWithParam<std::string> {
 protected:
  // The kernel anew over the same store, with the keys that "digits" stand for.
  Kernel& open(const std::string& digits) {
    auto plugin = kernel ? std::move(kernel->plugin) : open_store(GetParam(), scratch.path());
    const int used = kernel ? kernel->environment.ids.load() : 0;
    const int revisions = kernel ? kernel->environment.revisions.load() : 0;
    kernel.reset();
    bytes = plugin.get();
    try {
      kernel = std::make_unique<Kernel>(GetParam(), scratch.path(), std::move(plugin),
                                        std::vector<Source>{}, Kernel::kOwnUser, keys(digits));
      kernel->environment.ids = used + 1000;
      kernel->environment.revisions = revisions + 1000;
      kernel->environment.time += std::int64_t{1'000'000} * used;
    } catch (const Error& e) {
      refused = e.what();
    }
    return *kernel;
  }
  static Json request(const std::string& key) {
    return {{"idempotency_key", key},
            {"command", {"true"}},
            {"env", {{"A", kSecret}, {"B", "other"}, {"EMPTY", ""}}},
            {"secret_env", {{"C", kSecret + "-masked"}}},
            {"stdin", {{"b64", to_base64(kSecret)}}},
            {"hold", true}};
  }
  std::string submitted(const std::string& key) {
    return kernel->call("SubmitJob", request(key))["job_id"];
  }
  JobFixed fixed(const std::string& id) const { return fixed_of(*kernel->store->find(id)); }
  Json raw(const std::string& id) const {
    const std::string text = CheckedStore(*bytes).find(id)->fixed;
    return Json::parse(text);
  }
  // Puts another "fixed" into the store, as whoever can write there may.
  void spoil(const std::string& id, const Json& json) {
    CheckedStore store(*bytes);
    const JobRecord record = *store.find(id);
    const std::string text = json.dump();
    Entry odd;
    odd.job_id = id;
    odd.base = record.head_seq;
    odd.expected_revision = odd.revision = record.revision;
    odd.head = record.head;
    odd.fixed = text;
    odd.columns = record.columns;
    ASSERT_EQ(std::vector{Outcome::done}, store.commit({&odd, 1}));
  }
  // All that the store has of its jobs, and every file of it.
  std::string everything() const {
    std::string out;
    ListQuery query;
    for (const JobRecord& record : bytes->list(query).jobs) out += record.fixed + record.head;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch.path()))
      if (entry.is_regular_file()) {
        std::ifstream file(entry.path(), std::ios::binary);
        out.append(std::istreambuf_iterator<char>(file), {});
      }
    return out;
  }

  Scratch scratch;
  std::unique_ptr<Kernel> kernel;
  Store* bytes = nullptr;
  std::string refused;
};

INSTANTIATE_TEST_SUITE_P(Stores, Sealed, ::testing::Values("store-memory", "store-sqlite"),
                         [](const auto& param) { return param.param.substr(6); });

TEST_P(Sealed, ValuesStandNowhereInTheStore) {
  open("1");
  const std::string id = submitted("a");
  const std::string secret = store_secret(*kernel->sealed, kernel->environment);
  const std::string all = everything();
  for (const std::string& value : {kSecret, to_base64(kSecret), secret})
    EXPECT_EQ(std::string::npos, all.find(value)) << value;
  EXPECT_NE(std::string::npos, all.find(R"({"sealed":"1:)" + id_of('1') + ":")) << "it looks there";
  for (const char* value :
       {"/request/env/A", "/request/env/EMPTY", "/request/secret_env/C", "/request/stdin/b64"})
    EXPECT_TRUE(raw(id).at(Json::json_pointer(value)).is_object()) << value;
}

// Else the test before this one would find nothing anyway.
TEST_P(Sealed, ValuesStandInTheStoreWithoutAKey) {
  open("");
  submitted("a");
  EXPECT_NE(std::string::npos, everything().find(kSecret));
}

TEST_P(Sealed, ValuesOfToolsAndFormerTokensAreToo) {
  open("1");
  Submission made;
  made.fixed.job_id = "a";
  made.fixed.run_id = "run";
  made.fixed.request = {{"command", {"true"}}, {"hold", true}};
  made.fixed.tool = {{"env", {{"A", kSecret}}}, {"secret_env", {{"B", kSecret}}}};
  made.fixed.producer_token = kSecret;
  kernel->journal->run("a", [&](JobLog& log) { log.create(made); });
  EXPECT_EQ(std::string::npos, everything().find(kSecret));
  EXPECT_EQ(made.fixed.tool, fixed("a").tool);
  EXPECT_EQ(kSecret, fixed("a").producer_token);
}

TEST_P(Sealed, RecordsAreAsEverForAllWhoReadThem) {
  std::vector<std::string> seen;
  for (const char* digits : {"", "1"}) {
    kernel.reset();
    const Scratch place;
    Kernel one(GetParam(), place.path(), open_store(GetParam(), place.path()), {}, Kernel::kOwnUser,
               keys(digits));
    const Json job = one.call("SubmitJob", request("a"));
    const std::string id = job["job_id"];
    EXPECT_EQ(true, one.call("SubmitJob", request("a"))["replayed"]);
    Json other = request("a");
    other["env"]["A"] = "x";
    EXPECT_EQ("E_IDEMPOTENCY_KEY_REUSED", one.error("SubmitJob", other));
    one.call("CancelJob", {{"job_id", id}});
    const std::string again =
        one.call("RetryJob", {{"job_id", id}, {"idempotency_key", "b"}})["job_id"];
    EXPECT_EQ(kSecret, fixed_of(*one.store->find(again)).request["env"]["A"]);
    std::string all = job.dump();
    ListQuery query;
    for (const auto& record : one.store->list(query).jobs) {
      if (record.job_id == kStoreRecord) continue;
      JobHead head = head_of(record);
      head.incarnation.clear();  // of each store its own
      all += record.fixed + head.encode();
    }
    for (const auto& line : one.lines(id)) all += line;
    all += one.call("GetJobStatus", {{"job_id", id}}).dump();
    EXPECT_EQ(std::string::npos, all.find("\"sealed\""));
    seen.push_back(all);
  }
  EXPECT_EQ(seen[0], seen[1]);
}

TEST_P(Sealed, RecordsOfBeforeTheKeyAreReadAsTheyAre) {
  open("");
  const std::string id = submitted("a");
  const std::string secret = store_secret(*kernel->sealed, kernel->environment);
  open("1");
  EXPECT_EQ(kSecret, fixed(id).request["env"]["A"]);
  EXPECT_EQ(true, kernel->call("SubmitJob", request("a"))["replayed"]);
  EXPECT_EQ(secret, store_secret(*kernel->sealed, kernel->environment)) << "tokens go on";
  EXPECT_TRUE(raw(kStoreRecord).contains("sealed")) << "and it is sealed from here on";
}

TEST_P(Sealed, AStoreNamesTheKeyThatItWants) {
  open("1");
  for (const char* digits : {"", "2"}) {
    auto plugin = std::move(kernel->plugin);
    kernel.reset();
    CheckedStore checked(*plugin);
    SealedStore sealed(checked, keys(digits));
    FixedEnvironment environment;
    for (const auto& ask : std::vector<std::function<void()>>{
             [&] { store_secret(sealed, environment); }, [&] { must_open_secret(sealed); }})
      try {
        ask();
        ADD_FAILURE() << "it is opened by " << digits;
      } catch (const Error& e) {
        EXPECT_EQ(Code::unsupported, e.code());
        EXPECT_NE(std::string::npos,
                  std::string(e.what()).find("sealed with the store key " + id_of('1')))
            << e.what();
        EXPECT_NE(std::string::npos, std::string(e.what()).find("'store_key'")) << e.what();
      }
    kernel = std::make_unique<Kernel>(GetParam(), scratch.path(), std::move(plugin),
                                      std::vector<Source>{}, Kernel::kOwnUser, keys("1"));
  }
}

TEST_P(Sealed, AJobWhoseKeyIsGoneSaysSoAndCostsNoOther) {
  open("1");
  const std::string lost = submitted("lost");
  const std::string digest = kernel->call("GetJobStatus", {{"job_id", lost}})["digest"];
  open("21");
  const std::string good = submitted("good");
  open("2");
  const Json error = kernel->request("GetJobStatus", {{"job_id", lost}})["error"];
  EXPECT_EQ("E_STORE", error["data"]["error"]);
  EXPECT_EQ(false, error["data"]["retryable"]);
  const std::string said = error["message"];
  for (const std::string& part :
       {"job '" + lost + "': its request.env.A is sealed with the store key " + id_of('1'),
        std::string("put that key into the file of 'store_key'")})
    EXPECT_NE(std::string::npos, said.find(part)) << said;
  for (const char* method : {"ReleaseJob", "CancelJob"})
    EXPECT_EQ("E_STORE", kernel->error(method, {{"job_id", lost}})) << method;
  EXPECT_EQ("E_STORE", kernel->error("SubmitJob", request("lost"))) << "it is not made again";
  EXPECT_EQ(2u, kernel->lines(lost).size()) << "its log is there";
  kernel->scheduler->recover([&](const std::string& id, const JobHead&) { EXPECT_EQ(good, id); });

  const Json jobs = kernel->call("ListJobs", Json::object())["jobs"];
  ASSERT_EQ(2u, jobs.size());
  EXPECT_EQ(good, jobs[0]["job_id"]);
  EXPECT_FALSE(jobs[0].contains("damaged"));
  EXPECT_NE(std::string::npos, jobs[1]["damaged"].dump().find(id_of('1'))) << jobs[1];
  EXPECT_EQ("", kernel->error("CancelJob", {{"job_id", good}}));

  open("21");
  EXPECT_EQ(kSecret, fixed(lost).request["env"]["A"]);
  EXPECT_EQ(digest, kernel->call("GetJobStatus", {{"job_id", lost}})["digest"])
      << "nothing was lost";
}

TEST_P(Sealed, AValueThatWasMovedOrChangedIsDamage) {
  open("1");
  const std::string a = submitted("a"), b = submitted("b");
  const Json whole = raw(a);
  const auto is_damage = [&](const Json& json, const std::string& what) {
    spoil(a, json);
    EXPECT_THROW(fixed(a), Damage) << what;
    const Json error = kernel->request("GetJobStatus", {{"job_id", a}})["error"];
    EXPECT_EQ("E_STORE", error["data"]["error"]) << what;
    EXPECT_NE(std::string::npos, error["message"].get<std::string>().find("is damaged")) << error;
    EXPECT_EQ("", kernel->error("GetJobStatus", {{"job_id", b}}));
  };
  Json json = whole;
  json["request"]["env"]["A"] = raw(b)["request"]["env"]["A"];
  is_damage(json, "of another job");
  json = whole;
  json["request"]["env"]["A"] = whole["request"]["env"]["B"];
  is_damage(json, "of another variable");
  json = whole;
  std::string text = whole["request"]["env"]["A"]["sealed"];
  text[30] = text[30] == 'A' ? 'B' : 'A';
  json["request"]["env"]["A"]["sealed"] = text;
  is_damage(json, "a changed one");
  json["request"]["env"]["A"]["sealed"] = "1:nothing";
  spoil(a, json);
  EXPECT_THROW(fixed(a), Damage) << "none at all";
  spoil(a, whole);
  EXPECT_EQ(kSecret, fixed(a).request["env"]["A"]);
}

// Whatever a client says is what it says.
TEST_P(Sealed, NoTextOfARequestIsTakenForASeal) {
  for (const char* digits : {"", "1"}) {
    const Scratch place;
    Kernel one(GetParam(), place.path(), open_store(GetParam(), place.path()), {}, Kernel::kOwnUser,
               keys(digits));
    const std::string text = R"({"sealed":"1:)" + id_of('1') + R"(:AAAA"})";
    const Json asked{{"idempotency_key", "k"},
                     {"command", {text}},
                     {"env", {{"A", text}}},
                     {"labels", {{"sealed", "1:x"}}},
                     {"task", {{"env", {{"sealed", "1:x"}}}, {"sealed", "1:x"}}},
                     {"hold", true}};
    const std::string id = one.call("SubmitJob", asked)["job_id"];
    const Json kept = fixed_of(*one.store->find(id)).request;
    for (const char* key : {"env", "labels", "task"}) EXPECT_EQ(asked[key], kept[key]) << digits;
    EXPECT_EQ("E_INVALID_REQUEST", one.error("SubmitJob", {{"idempotency_key", "o"},
                                                           {"command", {"true"}},
                                                           {"env", {{"A", {{"sealed", "1:x"}}}}}}));
  }
}

TEST_P(Sealed, WhatLeavesForAnotherStoreHasNoSeal) {
  open("1");
  const std::string id = submitted("a");
  kernel->call("CancelJob", {{"job_id", id}});
  const Json record = kernel->call("GetJobStatus", {{"job_id", id}});
  EXPECT_EQ(std::string::npos, record.dump().find(kSecret));
  const Json piece{{"job_id", id}, {"record", record}, {"events", kernel->lines(id)}};
  const Scratch place;
  Kernel elsewhere(GetParam(), place.path());
  elsewhere.call("ImportJob", piece);
  const Json copy = elsewhere.call("GetJobStatus", {{"job_id", id}});
  EXPECT_EQ(record["digest"], copy["digest"]);
  EXPECT_EQ((Json{"A", "B", "EMPTY"}), copy["env"]);
}

TEST_P(Sealed, AKeyIsFollowedByAnother) {
  open("1");
  const std::string former = submitted("former");
  open("21");
  const std::string latter = submitted("latter");
  EXPECT_EQ(std::set{id_of('2')}, keys_of_sealed(kStoreRecord, raw(kStoreRecord).dump()));
  EXPECT_EQ(std::set{id_of('1')}, keys_of_sealed(former, raw(former).dump()));
  EXPECT_EQ(std::set{id_of('2')}, keys_of_sealed(latter, raw(latter).dump()));
  for (const auto& id : {former, latter}) EXPECT_EQ(kSecret, fixed(id).request["env"]["A"]);
  EXPECT_FALSE(kernel->sealed->is_sealed_as_now(former));
  EXPECT_TRUE(kernel->sealed->is_sealed_as_now(latter));
}

}  // namespace
}  // namespace domed::test
