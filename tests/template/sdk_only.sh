#!/usr/bin/env bash
# sdk_only.sh SOURCE BUILD CMAKE CXX LAUNCHER FLAGS: -DDOMED_SDK_ONLY=ON builds what authors of plugins need and nothing else:
# what it installs is what the component "dev" of BUILD is made of.
set -euo pipefail
source=$1 build=$2 cmake=$3 cxx=$4 launcher=$5 flags=$6
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$cmake" -G Ninja -S "$source" -B "$scratch/build" -DDOMED_SDK_ONLY=ON -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=16 \
  -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" -DCMAKE_CXX_FLAGS="$flags" >"$scratch/log" || { cat "$scratch/log"; exit 1; }
"$cmake" --build "$scratch/build" --parallel 2 >"$scratch/log" || { tail -n 50 "$scratch/log"; exit 1; }
"$cmake" --install "$scratch/build" --prefix "$scratch/alone" >"$scratch/log"
"$cmake" --install "$build" --prefix "$scratch/part" --component dev >"$scratch/log"
# Pages and changelogs are packages' matter.
files() { cd "$scratch/$1" && find . -type f ! -path './share/man/*' ! -path './share/doc/*' ! -name 'domed-fault-proxy' ! -name 'domed-check-history' | LC_ALL=C sort; }
diff <(files alone) <(files part) || { echo "the SDK alone has other files than the component dev"; exit 1; }
"$scratch/alone/bin/domed-conformance" --help >/dev/null
"$scratch/alone/bin/domed-new-plugin" provenance alone "$scratch/plugin" >/dev/null
# Whichever compiler of the same standard library builds the plugin (docs/abi.md).
for compiler in "$cxx" clang++ g++-14; do
  command -v "$compiler" >/dev/null || { echo "not tried: a plugin by $compiler, which is not here"; continue; }
  rm -rf "$scratch/plugin/build"
  "$cmake" -G Ninja -S "$scratch/plugin" -B "$scratch/plugin/build" -DCMAKE_PREFIX_PATH="$scratch/alone" \
    -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" >"$scratch/log"
  "$cmake" --build "$scratch/plugin/build" >"$scratch/log" || { cat "$scratch/log"; exit 1; }
  echo "== a plugin by $compiler"
  ctest --test-dir "$scratch/plugin/build" --output-on-failure
done
