#!/usr/bin/env bash
# completion.sh BIN_DIR PLUGIN_DIR STORE: what domectl completes, in each shell that is there.
source "$(dirname "$0")/../e2e/lib.sh"
cat >>"$scratch/domed.yaml" <<'YAML'
tools: [ { id: unit-tests, title: "Tests: all", command: ["true"] } ]
YAML
words() { "$bin/domectl" --complete "$@" | cut -f1 | paste -sd' '; }
expect "without a daemon there are no jobs" "" "$(words follow "")"
start
job=$(submit --label branch=main -- true)
finish "$job"
expect verbs "release reload reproduce resume retry" "$(words re | tr ' ' '\n' | sort | paste -sd' ')"
[[ " $(words run --) " == *" --tool "*" --endpoint "* ]] || fail "options: $(words run --)"
expect "a job" "$job" "$(words follow "")"
expect "a job by its beginning" "$job" "$(words status "${job:0:6}")"
expect "no second job" "" "$(words provenance "$job" "")"
expect "several" "$job" "$(words wait "$job" "")"
expect "a tool" unit-tests "$(words run --tool "")"
expect "a label" branch=main "$(words list --label b)"
expect "a state" failed "$(words list --state f)"
expect "a shell" zsh "$(words completion z)"
expect "a kind of plugin" store "$(words new-plugin s)"
expect "a job's own command" "" "$(words run -- ma)"
expect "the same without dashes" "" "$(words run --name x make --t)"
expect "of another daemon" "" "$(words --endpoint "ipc://$scratch/none" follow "")"

export PATH=$bin:$PATH
bash -c 'source <(domectl completion bash); COMP_WORDS=(domectl follow ""); COMP_CWORD=2; _domectl; echo "${COMPREPLY[*]}"' >"$scratch/out"
expect bash "$job" "$(cat "$scratch/out")"
if command -v fish >/dev/null; then
  domectl completion fish >"$scratch/domectl.fish"
  fish --no-config -c "source $scratch/domectl.fish; complete -C 'domectl run --tool '" >"$scratch/out"
  expect fish "unit-tests	Tests: all" "$(cat "$scratch/out")"
else
  echo "SKIPPED: no fish"
fi
if command -v zsh >/dev/null; then
  domectl completion zsh >"$scratch/_domectl"
  zsh -f -c "autoload -Uz compinit && compinit -D -u; _describe() { print -l \"\${(@P)2}\" }
    source $scratch/_domectl; words=(domectl run --tool ''); CURRENT=4; _domectl" >"$scratch/out"
  expect zsh "unit-tests:Tests: all" "$(cat "$scratch/out")"
else
  echo "SKIPPED: no zsh"
fi
