#!/usr/bin/env bash
# out_of_tree.sh BUILD TEMPLATE CMAKE CXX LAUNCHER FLAGS: installs BUILD's component "dev" (as it
# is: nothing is rebuilt) to a scratch prefix, builds TEMPLATE against it, and has the suite judge it,
# as it stands and with one line broken.
set -euo pipefail
build=$1 template=$2 cmake=$3 cxx=$4 launcher=$5 flags=$6
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$cmake" --install "$build" --prefix "$scratch/installed" --component dev >"$scratch/log"
cp -r "$template" "$scratch/plugin"
# The arguments that an author gives his suite reach it.
sed -i "s|^domed_add_plugin(.*store_template.cpp|& CONFORMANCE_ARGS --seed 7 --cleanup \"echo x >>'$scratch/cleaned'\"|" \
  "$scratch/plugin/CMakeLists.txt"
"$cmake" -G Ninja -S "$scratch/plugin" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$scratch/installed" \
  -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" -DCMAKE_CXX_FLAGS="$flags"

echo "== as it stands: must pass"
"$cmake" --build "$scratch/build"
ctest --test-dir "$scratch/build" --output-on-failure
grep -q '<testsuites' "$scratch/build/conformance.store-template.xml"
grep -q 'name="seed" value="7"' "$scratch/build/conformance.store-template.xml" ||
  grep -q 'seed="7"' "$scratch/build/conformance.store-template.xml"
[ "$(wc -l <"$scratch/cleaned")" -gt 100 ]

echo "== with one line broken: must fail, and say where"
sed -i 's/slice.ends.size() >= max_events/slice.ends.size() > max_events/' \
  "$scratch/plugin/store_template.cpp"
if cmp -s {"$template","$scratch/plugin"}/store_template.cpp; then
  echo "the line to break is not there"
  exit 1
fi
"$cmake" --build "$scratch/build"
if output=$("$scratch/installed/bin/domed-conformance" --plugin "$scratch/build/store-template.yaml" \
  --strict --gtest_filter='StoreRead.*'); then
  echo "$output"
  echo "the suite passed a broken store"
  exit 1
fi
grep -F '[  FAILED  ] StoreRead.EndsAtMaxEvents' <<<"$output"
