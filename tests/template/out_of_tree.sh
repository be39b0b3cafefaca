#!/usr/bin/env bash
# out_of_tree.sh SOURCE BUILD CMAKE CXX LAUNCHER FLAGS: installs BUILD's component "dev" (as it is: nothing is
# rebuilt) to a scratch prefix, and there does what docs/plugins.md tells an author to do in ten minutes, word for word; then
# has the suite judge that store with one line broken.
set -euo pipefail
source=$1 build=$2 cmake=$3 cxx=$4 launcher=$5 flags=$6
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
unset "${!DOMED_@}"

"$cmake" --install "$build" --prefix "$scratch/installed" --component dev >"$scratch/log"
mkdir "$scratch/bin" "$scratch/work"
for program in domed domectl domed-runner; do ln -s "$build/bin/$program" "$scratch/bin"; done
export PATH=$scratch/installed/bin:$scratch/bin:$(dirname "$cmake"):$PATH
export CXX=$cxx CXXFLAGS=$flags CMAKE_CXX_COMPILER_LAUNCHER=$launcher CMAKE_GENERATOR=Ninja CMAKE_PREFIX_PATH=$scratch/installed
command -v gdb >/dev/null || {
  echo "no gdb: its session is left out"
  printf '#!/bin/sh\nexit 0\n' >"$scratch/bin/gdb" && chmod +x "$scratch/bin/gdb"
}

echo "== docs/plugins.md, Ten minutes"
steps=$(awk '/^## /{on = $0 == "## Ten minutes"} on && /^```/{in_block = $0 == "```sh"; next} on && in_block' "$source/docs/plugins.md")
[ "$(wc -l <<<"$steps")" -ge 15 ] || { echo "docs/plugins.md tells nothing to do"; exit 1; }
cd "$scratch/work"
bash -e -o pipefail -c "$steps" >"$scratch/out" 2>&1 || { echo "$steps"; cat "$scratch/out"; exit 1; }
grep -q '100% tests passed' "$scratch/out" || { cat "$scratch/out"; exit 1; }
cd store-shelf
grep -q '<testsuites' build/conformance.store-shelf.xml

echo "== the arguments that an author gives the suite reach it"
sed -i "s|^domed_add_plugin(.*SOURCES store_shelf.cpp|& CONFORMANCE_ARGS --seed 7 --gtest_filter=StoreAppend.* --cleanup \"echo x >>'$scratch/cleaned'\"|" CMakeLists.txt
"$cmake" -B build >"$scratch/log" && "$cmake" --build build && ctest --test-dir build --output-on-failure
grep -q 'name="seed" value="7"' build/conformance.store-shelf.xml || grep -q 'seed="7"' build/conformance.store-shelf.xml
[ "$(wc -l <"$scratch/cleaned")" -gt 5 ]

echo "== with one line broken it must fail, and say where"
cp store_shelf.cpp whole
sed -i 's/slice.ends.size() >= max_events/slice.ends.size() > max_events/' store_shelf.cpp
if cmp -s store_shelf.cpp whole; then echo "the line to break is not there" && exit 1; fi
"$cmake" --build build
if output=$(domed-conformance --plugin build/store-shelf.yaml --strict --gtest_filter='StoreRead.*'); then
  echo "$output"
  echo "the suite passed a broken store"
  exit 1
fi
grep -F '[  FAILED  ] StoreRead.EndsAtMaxEvents' <<<"$output"

echo "== what cannot be a project is refused"
cd "$scratch/work"
refused() { if domed-new-plugin "$@" 2>"$scratch/err"; then echo "'$*' was taken" && exit 1; fi; grep -q '^domed-new-plugin: ' "$scratch/err"; }
refused; refused store; refused store shelf; refused store Shelf; refused store a--b; refused store template; refused sieve x
