#!/usr/bin/env bash
# sdk/sh/domed-follow, driven by the suite for all clients (docs/clients.md).  It can follow, and nothing else.
set -uo pipefail
follow=${1:-$(dirname "$0")/../../sdk/sh/domed-follow}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# One follow, from its first word to its last.
follow_one() {
  local id=$1 job=$2 since=$3 tail=$4 log=$5 end=terminal error='' cursor code options
  local state=$scratch/$id
  options=(--json --quiet --connect-wait 300 --since "$since" --state "$state")
  [ -z "$log" ] || echo "$log $since" >"$state"
  [ "$tail" = true ] || options+=(--no-follow)
  "$follow" "${options[@]}" -- "$job" 2>"$state.err" | jq -cR --unbuffered --argjson id "$id" '{id: $id, seq: (fromjson.seq), line: .}'
  code=${PIPESTATUS[0]}
  read -r log cursor 2>/dev/null <"$state" || cursor=$since
  if [ "$code" != 0 ]; then
    end=error error=$(grep -oE 'E_[A-Z_]+' "$state.err" | tail -n 1)
    [ -n "$error" ] || error=E_DRIVER
  elif [ "$tail" != true ]; then
    end=snapshot
  fi
  jq -nc --argjson id "$id" --argjson cursor "$cursor" --arg how "$end" --arg error "$error" \
    '{id: $id, end: $how, cursor: $cursor} + (if $error == "" then {} else {error: $error} end)'
}

while IFS= read -r command; do
  IFS=$'\t' read -r what id job since tail log < <(jq -r '[.do, .id, .job // "-", .since // 0, (.tail != false), .log // ""] | @tsv' <<<"$command")
  case $what in
    hello) jq -nc --argjson id "$id" '{id: $id, name: "shell", version: 1, can: ["follow"]}' ;;
    follow)
      follow_one "$id" "$job" "$since" "$tail" "$log" & ;;
    *) jq -nc --argjson id "$id" --arg what "$what" '{id: $id, error: "E_DRIVER", message: "there is no \($what)"}' ;;
  esac
done
wait
