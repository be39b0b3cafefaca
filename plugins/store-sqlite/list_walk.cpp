#include "list_walk.h"

#include <compare>
#include <utility>

namespace domed {
namespace {

std::strong_ordering compare(const ListRow& a, const ListRow& b) {
  if (const auto order = a.list <=> b.list; order != 0) return order;
  return a.place <=> b.place;
}

}  // namespace

void Walk::read_ahead() {
  has_ahead_ = query_.step();
  if (!has_ahead_) return;
  ahead_.list = query_.bytes();
  ahead_.place.created = query_.integer();
  ahead_.place.job_id = query_.bytes();
  ahead_.no = query_.integer();
}

bool Walk::next() {
  if (!has_ahead_) return false;
  std::swap(previous_, row_);
  std::swap(row_, ahead_);
  read_ahead();
  if (!has_ahead_) return true;
  const auto order = compare(ahead_, row_);
  if (way_ == Way::down ? order < 0 : order > 0) return true;
  refuse();
}

void Walk::refuse() const {
  throw Error(Code::corruption, path_ + ": the entry of the job '" + row_.place.job_id +
                                    "', or of one beside it, does not stand in the order of its "
                                    "list");
}

}  // namespace domed
