#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "domed/error.h"
#include "sqlite.h"

namespace domed {

// Tells one thing once, whichever thread comes to it first.
class ToldOnce {
 public:
  using Tell = std::function<void(const std::string&)>;
  explicit ToldOnce(Tell tell) : tell_(std::move(tell)) {}
  void operator()(const std::string& text) {
    if (!told_.exchange(true)) tell_(text);
  }

 private:
  const Tell tell_;
  std::atomic<bool> told_{false};
};

// Finds the row of a job by its id, in two ways that share no page: by the index of ids, and
// where that has nothing, or another job, or is damaged, by the table named (schema.h).  One
// flipped byte of an index sends SQLite's search past any number of ids without an error, and a job
// that is taken for new would be created a second time.  Any thread.
class Lookup {
 public:
  // Which way is asked first.  A write transaction in which SQLite met damage cannot be
  // committed, whatever else was found: the next try goes round the index.
  enum class First { index, hash };
  // "tell" hears of damage of the index; everything is found nevertheless.
  explicit Lookup(ToldOnce::Tell tell) : tell_(std::move(tell)) {}

  // Gives "take" the row of "job_id" and returns true; false: there is no such job.
  // "by_id" and "by_no" select the same columns of jobs, by job_id and by no: job_id, then those
  // for "take".  Inside a
  // transaction, because otherwise a job that comes between the two looks like damage.
  // Throws Error(corruption) that names the job where its row cannot be read.
  template <class Take>
  bool find(sqlite::Connection& connection, const char* by_id, const char* by_no,
            std::string_view job_id, Take&& take, First first = First::index) const {
    std::optional<Error> damage;
    const auto second = [&] {
      const std::int64_t no = by_hash(connection, job_id, damage);
      if (no == 0) return false;
      auto row = connection.query(by_no, no);
      if (!step(row, damage) || row.bytes() != job_id) return false;
      tell_of(connection, job_id);
      take(row);
      return true;
    };
    if (first == First::hash && second()) return true;
    {
      auto row = connection.query(by_id, sqlite::Blob{job_id});
      if (step(row, damage) && row.bytes() == job_id) {
        take(row);
        return true;
      }
    }
    if (first == First::index && second()) return true;
    if (damage) refuse(job_id, *damage);
    return false;
  }

 private:
  // Corruption becomes "damage", unless there is some already, and no row.
  static bool step(sqlite::Query& row, std::optional<Error>& damage);
  static std::int64_t by_hash(sqlite::Connection& connection, std::string_view job_id,
                              std::optional<Error>& damage);
  [[noreturn]] static void refuse(std::string_view job_id, const Error& damage);
  void tell_of(const sqlite::Connection& connection, std::string_view job_id) const;

  mutable ToldOnce tell_;
};

// Keeps the second way, inside the transaction that makes or drops the job.
void put_name(sqlite::Connection& connection, std::string_view job_id, std::int64_t no);
void drop_name(sqlite::Connection& connection, std::string_view job_id, std::int64_t no);

}  // namespace domed
