#!/usr/bin/env bash
# The rooms of the kernel stand on each other in the order of kernel/CMakeLists.txt: no file of one includes a
# header of a room below it in that list, whatever the compiler was asked.  What stands beside the kernel includes
# no room of the daemon alone; a plugin, nothing but the public headers and its own.  And a file that a comment
# names is there.  rooms.sh SOURCE
set -euo pipefail
cd "$1"
mapfile -t rooms < <(sed -nE 's/^add_subdirectory\((.*)\)$/\1/p' kernel/CMakeLists.txt)
bad=0
seen=0
complain() { echo "$1"; bad=1; }
declare -A place
for i in "${!rooms[@]}"; do place[${rooms[$i]}]=$i; done
for folder in kernel/*/; do
  folder=$(basename "$folder")
  [ "${place[$folder]+yes}" ] || complain "kernel/$folder is no room of kernel/CMakeLists.txt"
done
# FILE LINE HEADER of each include in quotes.
includes() { grep -rnE --include='*.h' --include='*.cpp' --include='*.c' '^ *# *include *["<]' "$@" | sed -nE 's/^([^:]+):([0-9]+): *# *include *["<]([^">]+)[">].*/\1 \2 \3/p'; }
room_of() {
  case $1 in
    domed/support/*) echo support ;;
    domed/*) echo include ;;
    */*) [ "${place[${1%%/*}]+yes}" ] && echo "${1%%/*}" || echo - ;;
    *) echo - ;;
  esac
}
while read -r file line header; do
  seen=$((seen + 1))
  own=${file#kernel/} own=${own%%/*}
  [[ $file == kernel/include/domed/support/* ]] && own=support
  other=$(room_of "$header")
  [ "$other" = - ] || [ "${place[$other]}" -le "${place[$own]}" ] ||
    complain "$file:$line: $own/ stands below $other/, and includes $header"
done < <(includes kernel)
while read -r file line header; do
  seen=$((seen + 1))
  other=$(room_of "$header")
  [ "$other" = - ] || [ "${place[$other]}" -le "${place[transport]}" ] ||
    complain "$file:$line: $other/ is the daemon's alone, and this includes $header"
done < <(includes client domectl console runner)
while read -r file line header; do
  seen=$((seen + 1))
  plugin=${file#plugins/} plugin=plugins/${plugin%%/*}
  if grep -q "^#include <" <(sed -n "${line}p" "$file"); then
    [[ $header == domed/* || ! -e kernel/${header} ]] || complain "$file:$line: a plugin includes $header of the kernel"
    continue
  fi
  [[ $header == domed/* && -e kernel/include/$header ]] && continue
  [[ $header != *..* && -e $plugin/${header#"$(basename "$plugin")"/} ]] && continue
  complain "$file:$line: a plugin may include domed/ and its own files, and this one includes $header"
done < <(includes plugins)
# And a file that a comment names is there.
while read -r file line name; do
  found=0
  for at in . kernel kernel/include tests "$(dirname "$file")"; do [ ! -e "$at/$name" ] || found=1; done
  [ $found = 1 ] || complain "$file:$line: its comment names $name, which is not there"
done < <(grep -rnE --include='*.h' --include='*.cpp' --include='*.c' '//.*[a-z_]+/[a-z_/]+[.](h|cpp|c)([^a-z]|$)' kernel client domectl console runner plugins bench tests |
  sed -nE 's/^([^:]+):([0-9]+):.*\/\/.*[^a-z_\/]([a-z_]+\/[a-z_\/]+[.](h|cpp|c))([^a-z].*)?$/\1 \2 \3/p')
[ "$seen" -gt 500 ] || complain "only $seen includes were found"
exit $bad
