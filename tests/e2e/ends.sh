#!/usr/bin/env bash
# Every end of a job can be told from every other by state, reason, exit_code, signal and message.
. "$(dirname "$0")/lib.sh"
sed -i 's/allow_ad_hoc: true/allow_ad_hoc: true, max_running: 2, max_output: 1KiB/' "$scratch/domed.yaml"
start
ends=()
# ended NAME JOB STATE REASON EXIT_CODE SIGNAL MESSAGE_PATTERN
ended() {
  finish "$2"
  got=$(ctl status "$2" --json | jq -r '[.state, .reason, .exit_code, .signal] | map(tostring) | join(" ")')
  expect "$1" "$3 $4 $5 $6" "$got"
  message=$(field "$2" message)
  grep -qE "$7" <<<"$message" || fail "$1: the message is '$message'"
  ends+=("$got $message")
}
ended "exit 0" "$(submit -- true)" succeeded exit 0 null '^null$'
ended "exit 3" "$(submit -- sh -c 'exit 3')" failed exit 3 null '^null$'
ended "exit 137" "$(submit -- sh -c 'exit 137')" failed exit 137 null '^null$'
ended "SIGKILL" "$(submit -- sh -c 'kill -KILL $$')" failed signal null 9 'Killed'
ended "SIGSEGV" "$(submit -- sh -c 'ulimit -c 0; kill -SEGV $$')" failed signal null 11 'Segmentation fault'
ended "timeout" "$(submit --timeout 0.3s -- sleep 1000)" failed timeout null 15 'timeout of 300ms'
ended "a missing program" "$(submit -- no-such-program)" failed spawn_error null null 'not found in PATH'
ended "a missing directory" "$(submit --cwd /no/where -- true)" failed spawn_error null null 'working directory "/no/where"'
printf '#!/bin/sh\n' >"$scratch/tool"
ended "no permission" "$(submit -- "$scratch/tool")" failed spawn_error null null 'Permission denied'
ended "too much output" "$(submit -- sh -c 'head -c 2000 /dev/zero')" succeeded exit 0 null '^976 bytes of output above the limit of 1024'
ended "too much output, and exit 3" "$(submit -- sh -c 'head -c 2000 /dev/zero; exit 3')" failed exit 3 null '^976 bytes of output'
ended "processor time" "$(submit --limit cpu=1s -- sh -c 'while :; do :; done')" failed limit null 24 '1s of processor time'

job=$(submit -- sh -c 'echo ready; exec sleep 1000')
until_output "$job" '"text":"ready"'
ctl cancel "$job" >/dev/null
ended "canceled while running" "$job" canceled cancel null 15 '^null$'
job=$(submit -- sh -c 'echo ready; trap "exit 4" TERM; while :; do sleep 0.05; done')
until_output "$job" '"text":"ready"'
ctl cancel "$job" >/dev/null
ended "canceled, and ended itself" "$job" canceled cancel 4 null '^null$'

first=$(submit -- sh -c 'echo ready; exec sleep 1000') second=$(submit -- sleep 1000)
until_output "$first" '"text":"ready"'
queued=$(submit -- true)
ctl cancel "$queued" >/dev/null
ended "canceled while queued" "$queued" canceled cancel null null 'queued'
expect "a queued job's start" null "$(field "$queued" started_at)"
kill -9 "$(jq -r .pid "$scratch/state/runs/$(field "$first" run_id)/runner.json")"
ended "lost" "$first" failed lost null null 'without a word'
ctl cancel "$second" >/dev/null

expect "different ends" "${#ends[@]}" "$(printf '%s\n' "${ends[@]}" | sort -u | wc -l)"
stop
