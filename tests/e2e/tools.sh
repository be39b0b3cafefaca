#!/usr/bin/env bash
# A tool takes its arguments from the task, which must fit; nothing else runs where it may not.
. "$(dirname "$0")/lib.sh"
sed -i 's/allow_ad_hoc: true/allow_ad_hoc: false/' "$scratch/domed.yaml"
cat >>"$scratch/domed.yaml" <<'YAML'
tools:
  - id: say
    command: [sh, -c, 'printf "%s|" "$@"; cat "$DOMED_TASK_FILE"; printf "%s\n" "$DOMED_TASK_JSON"', say, "{{task.word}}", "--n={{task.n:-1}}"]
    input_schema:
      type: object
      required: [word]
      properties: { word: { type: string, maxLength: 20 }, n: { type: integer, minimum: 1 } }
      additionalProperties: false
  - id: tells
    progress_lines: true
    command: [sh, -c, 'echo PROGRESS:0.5; echo "PROGRESS:1 all of it"; echo PROGRESS:2']
  - id: seven
    command: [sh, -c, 'exit 7']
  - id: free
    short_description: Says how many
    kind: report
    command: [sh, -c, 'echo "$#"']
YAML
mkdir -p "$scratch/in/deep" "$scratch/out"
echo inside >"$scratch/in/file"
cat >>"$scratch/domed.yaml" <<YAML
  - id: open
    command: [sh, -c, "pwd -P; printenv CI; cat"]
    cwd: $scratch
    timeout: 1m
    accepts: { env: [CI], cwd: [$scratch/in], stdin: [bytes, $scratch/in] }
YAML
start

refusal() { "$bin/domectl" run "$@" 2>&1 >/dev/null && fail "$* was taken" || true; }
expect "a task's values" 'a $(b)|--n=1|{"word":"a $(b)"}
{"word":"a $(b)"}' "$(ctl run --tool say --task '{"word":"a $(b)"}')"
expect "the command shown" '["say","a","--n=3"]' \
  "$(ctl run --tool say --task '{"word":"a","n":3}' >/dev/null; ctl list --limit 1 --json | jq -c '.command[3:]')"
for task in '{}' '{"word":3}' '{"word":"a","n":0}' '{"word":"a","m":1}'; do
  grep -q "E_INVALID_REQUEST.*'say' refuses the task: task\." <<<"$(refusal --tool say --task "$task")" || fail "$task"
done
grep -q "task.word is required" <<<"$(refusal --tool say)" || fail "no task where one is needed"
expect "a tool without a schema" 0 "$(ctl run --tool free)"
expect "a tool that is not there" 1 "$(refusal --tool nothing | grep -c E_NOT_FOUND)"
expect "an ad-hoc command" 1 "$(refusal -- true | grep -c E_POLICY_DENIED)"

# Of env, cwd, stdin and a terminal a request sets what the tool accepts, whichever way it asks.
denied() { grep -q "E_POLICY_DENIED: --$1: the tool" <<<"$(refusal "${@:2}")" || fail "$* was not denied"; }
denied env --tool free --env LD_PRELOAD=/x
denied cwd --tool free --cwd /
denied stdin --tool free --stdin /etc/passwd
denied stdin --tool free --stdin - </dev/null
denied tty --tool free --tty
denied tty --tool open --tty
denied env --tool open --env PATH=/tmp
denied cwd --tool open --cwd "$scratch/in/../out"
denied stdin --tool open --stdin /proc/self/environ
expect "what is accepted" "$(realpath "$scratch")/in/deep|1|inside" \
  "$(ctl run --tool open --env CI=1 --cwd "$scratch/in/deep" --stdin "$scratch/in/file" | paste -sd'|')"
expect "bytes" "given" "$(echo given | ctl run --tool open --stdin - | tail -n 1)"
expect "an answer with the end" '["failed","exit",7]' \
  "$(ctl submit --json --wait 10s --tool seven | jq -c '[.state,.reason,.exit_code]')"
expect "an answer that says how it is" "it is succeeded" "$(ctl submit --wait 10s --tool tells 2>&1 >/dev/null | sed 's/^domectl: //')"
expect "lines of progress" '[0.5,null] [1,"all of it"]' "$(ctl follow @last --json |
  jq -c 'select(.type == "progress").payload|[.value + 0,(.message|if . == "" then null else . end)]' | paste -sd' ')"
expect "a list of tools" '["bytes","'"$scratch"'/in"]' \
  "$(ask '{"jsonrpc":"2.0","id":1,"method":"ListTools"}' | jq -c '.result.tools[]|select(.tool_id=="open").accepts.stdin')"
expect "what one needs to choose" '["Says how many","report",false,false]' \
  "$(ask '{"jsonrpc":"2.0","id":1,"method":"ListTools"}' |
    jq -c '.result.tools[]|select(.tool_id=="free")|[.short_description,.kind,.has_input_schema,.has_output_schema]')"

# What leads elsewhere only by the time the command starts is not entered, and not read.
job=$(submit --tool open --hold --cwd "$scratch/in/deep")
other=$(submit --tool open --hold --stdin "$scratch/in/file")
rmdir "$scratch/in/deep"; ln -s "$scratch/out" "$scratch/in/deep"
ln -sf /etc/passwd "$scratch/in/file"
for id in "$job" "$other"; do
  ctl release "$id" >/dev/null
  finish "$id"
  expect "a place that was turned" spawn_error "$(field "$id" reason)"
done
denied cwd --tool open --cwd "$scratch/in/deep"
expect "what domectl shows" '["word"]' "$(ctl tools say --json | jq -c .input_schema.required)"
stop
