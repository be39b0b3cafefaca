#!/usr/bin/env bash
# check.sh SOURCE CXX: the plugin boundary is what the version in plugin.h promises (docs/abi.md), in its words and in memory, by
# each compiler there is; and a change without a version is found.
set -euo pipefail
source=$1 cxx=$2
here=$source/tests/abi headers=$source/kernel/include/domed
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
command -v python3 >/dev/null || { echo "skipped: needs python3"; exit 77; }
export PYTHONDONTWRITEBYTECODE=1
python3 "$here/abi.py" "$headers" "$here"

version=$(sed -nE 's/^#define DOMED_ABI_M(AJOR|INOR) ([0-9]+)/\2/p' "$headers/plugin.h" | paste -sd.)
if [ "$(uname -m)" = x86_64 ]; then
  for compiler in "$cxx" g++ clang++; do
    command -v "$compiler" >/dev/null || { echo "not tried: $compiler is not here"; continue; }
    "$compiler" -std=c++20 -Wno-invalid-offsetof -I "$source/kernel/include" "$here/layout.cpp" -o "$scratch/layout"
    "$scratch/layout" | diff "$here/$version.layout" - || {
      echo "abi $version lies otherwise in memory by $compiler: a plugin that is there would read something else"; exit 1; }
  done
else
  echo "not tried: the numbers of the layout are those of x86-64"
fi

# Each of these is a change that somebody might make; "found" wants the words, "taken" none.
change() {
  rm -rf "$scratch/domed" "$scratch/kept"
  cp -r "$headers" "$scratch/domed"
  mkdir "$scratch/kept" && cp "$here"/*.txt "$scratch/kept"
  sed -i "$2" "$scratch/domed/$1"
  ! cmp -s "$scratch/domed/$1" "$headers/$1" || { echo "'$2' changes nothing in $1"; exit 1; }
}
minor() { sed -i 's/^#define DOMED_ABI_MINOR .*/#define DOMED_ABI_MINOR 99/' "$scratch/domed/plugin.h"; }
found() {
  if python3 "$here/abi.py" "$scratch/domed" "$scratch/kept" ${2:-} 2>"$scratch/said"; then echo "not found: $1" && exit 1; fi
  grep -q "$1" "$scratch/said" || { echo "'$1' was to be said:"; cat "$scratch/said"; exit 1; }
}
next=$(( ${version%%.*} + 1 )).0
change store.h 's/^  virtual JobPage list.*/&\n  virtual void flush() = 0;/'
found "'class Store' is frozen, and has 'virtual void flush() = 0' besides: make a facet of it: that needs abi $next"
minor; found "frozen.*that needs abi $next" --write
change store.h 's/^  std::string revision; .*//'
found "'struct JobRecord': 'std::string revision' is gone, changed or in another place"
minor; found "that needs abi $next" --write
change options.h 's/^  virtual bool boolean.*/  virtual double real(std::string_view name) const = 0;\n&/'
found "'class Options': 'virtual bool boolean.*another place.*that needs abi $next"
change host.h 's/^  virtual void log(.*/&\n  virtual void count(std::string_view name) noexcept = 0;/'
found "'class Host' has .* besides: that needs abi ${version%%.*}.$(( ${version##*.} + 1 ))"
minor
python3 "$here/abi.py" "$scratch/domed" "$scratch/kept" --write || { echo "a minor version may add to Host"; exit 1; }
python3 "$here/abi.py" "$scratch/domed" "$scratch/kept"
change store.h 's/^inline constexpr std::size_t kMaxTags = .*/inline constexpr std::size_t kMaxTags = 65;/'
found "the constant 'std::size_t kMaxTags = 64' is gone, or another: that needs abi $next"
change collector.h 's/const CollectRequest& request/CollectRequest request/'
found "'class Collector'.*is gone, changed"
echo "changes without a version are found"
