#!/usr/bin/env bash
# The user's own file: names for daemons, and which of them is asked.
source "$(dirname "$0")/lib.sh" "$@"
export XDG_CONFIG_HOME=$scratch/config
mkdir -p "$XDG_CONFIG_HOME/domed"
start
url=$DOMED_ENDPOINT
unset DOMED_ENDPOINT
cat >"$XDG_CONFIG_HOME/domed/client.yaml" <<YAML
contexts:
  here: {endpoint: "$url"}
  nowhere: {endpoint: "ipc://$scratch/none"}
YAML
expect "the list" "here nowhere" "$(ctl context list --json | jq -r .name | xargs)"
ctl --context here health >/dev/null || fail "a context that is named"
DOMED_CONTEXT=here ctl health >/dev/null || fail "a context of the environment"
ctl context use here
ctl health >"$scratch/health" || fail "the context in use"
grep -q '^verdict *it is well$' "$scratch/health" || fail "health says: $(cat "$scratch/health")"
grep -qE '^disk_free +[0-9.]+ [KMGT]iB$' "$scratch/health" || fail "no room is told: $(cat "$scratch/health")"
expect "the one in use" here "$(ctl context list --json | jq -r 'select(.current).name')"
ctl --context nowhere --connect-wait 0s health >"$scratch/said" 2>&1 && fail "a daemon that is not there answered"
grep -q "$scratch/none" "$scratch/said" || fail "another daemon was asked: $(cat "$scratch/said")"
DOMED_ENDPOINT=ipc://$scratch/other ctl --connect-wait 0s health >"$scratch/said" 2>&1 && fail "DOMED_ENDPOINT is not obeyed"
grep -q "$scratch/other" "$scratch/said" || fail "another daemon was asked: $(cat "$scratch/said")"
DOMED_ENDPOINT=ipc://$scratch/other ctl --context here health >/dev/null || fail "what was named last counts"
ctl --context none health >"$scratch/said" 2>&1 && fail "a context that is not there"
grep -q "there are here, nowhere" "$scratch/said" || fail "it is not said which there are: $(cat "$scratch/said")"
ctl context use none 2>/dev/null && fail "a context that is not there was chosen"
ctl context use ""
XDG_RUNTIME_DIR=$scratch/empty ctl --connect-wait 0s health >"$scratch/said" 2>&1 && fail "no context is in use"
grep -q "$scratch/empty" "$scratch/said" || fail "not the default: $(cat "$scratch/said")"
echo "colour: red" >>"$XDG_CONFIG_HOME/domed/client.yaml"
ctl health >"$scratch/said" 2>&1 && fail "a file that is not understood"
grep -q "client.yaml:4:1: unknown key 'colour'" "$scratch/said" || fail "it is not said what is wrong: $(cat "$scratch/said")"
DOMED_ENDPOINT=$url ctl health >/dev/null || fail "a file that is not needed was read"
export DOMED_ENDPOINT=$url  # for the end
