#!/usr/bin/env bash
# docs/examples: the commands of each pipeline, taken from its file and run in its order in a checkout, without the
# service: what installs is left out, for this build's programs are there, and ci.yaml is the one of the source.
# examples.sh SOURCE BIN_DIR PLUGIN_DIR
set -euo pipefail
source=$1 bin=$2 plugins=$3
scratch=$(mktemp -d)
cleanup() {
  status=$?
  [ ! -s "$scratch/pid" ] || kill $(cat "$scratch/pid") 2>/dev/null || true
  [ $status -eq 0 ] || tail -n 40 "$scratch"/*/out "$scratch"/*/domed.log >&2 2>/dev/null || true
  rm -rf "$scratch"
  exit $status
}
trap cleanup EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
export PATH=$bin:$PATH GITHUB_RUN_ID=1 GITHUB_RUN_ATTEMPT=1 CI_JOB_ID=1
unset XDG_RUNTIME_DIR XDG_STATE_HOME DOMED_ENDPOINT || true
mkdir -p "$scratch/config"
sed '/^state_dir:/i plugin_path: [plugins]' "$source/config/ci.yaml" >"$scratch/config/ci.yaml"
ln -s "$plugins" "$scratch/config/plugins"

# The shell of each "run:" (a line, or a block behind "|") and of each item of script lists.
github() {
  awk '/^ *run: [|]$/ { block = 1; match($0, /^ */); depth = RLENGTH; next }
       block && /[^ ]/ { match($0, /^ */); if (RLENGTH <= depth) block = 0 }
       block { print substr($0, depth + 3); next }
       /^ *run: / { sub(/^ *run: /, ""); print }' "$1"
}
gitlab() { awk '/^  (before_script|script|after_script):/ {on = 1; next} /^  [a-z]/ {on = 0} on && /^    - / {sub(/^    - /, ""); print}' "$1"; }

try() {  # try NAME READER FILE
  export HOME=$scratch/$1
  mkdir -p "$HOME/checkout"
  cd "$HOME/checkout"
  printf 'check:\n\t@echo checked $$CI\nlint:\n\t@echo linted\ndocs:\n\t@echo written\n' >Makefile
  git init -q && git add . && git -c user.name=a -c user.email=a@b -c commit.gpgsign=false commit -qm checkout
  $2 "$source/docs/examples/$3" | grep -vE '^(apt-get|curl) ' |
    sed "s|/usr/share/doc/domed/examples/|$scratch/config/|; s|\(2>domed.log &\)|\1 echo \$! >>$scratch/pid|" >../steps.sh
  grep -q 'domed --config' ../steps.sh || fail "$3: its steps were not found"
  CI=true bash -euo pipefail ../steps.sh >../out 2>&1 || fail "$3: $(cat ../out)"
  for line in 'checked true' linted; do grep -qx "$line" ../out || fail "$3 does not show '$line'"; done
  for file in jobs/*.jsonl; do grep -q '^ok' <<<"$(domectl verify "$file")" || fail "$3: $file"; done
  [ "$(ls jobs | wc -l)" -ge 2 ] || fail "$3 keeps no jobs"
  # The same step once more is the same job; a step that fails fails the pipeline with its own code.
  before=$(domectl list --json | wc -l)
  awk '/domectl run/ || more {print; if (!/\\$/) exit; more = 1}' ../steps.sh >../again.sh
  [ "$(bash ../again.sh 2>../out)" = "checked true" ] || fail "$3: the same step once more: $(cat ../again.sh ../out)"
  sed -i 's/@echo checked.*/@exit 3/' Makefile
  status=0
  domectl run --cwd "$PWD" -- make check >/dev/null 2>&1 || status=$?
  [ $status = 2 ] || fail "make's own code was $status"
  [ "$(domectl list --json | wc -l)" = $((before + 1)) ] || fail "$3: the step that came twice made two jobs"
}
try github github github-actions.yml
try gitlab gitlab gitlab-ci.yml

# What a container runs, without one.
run=$source/docs/examples/container/run-as-job
grep -q 'COPY run-as-job' "$source/docs/examples/container/Containerfile" || fail "the image has no run-as-job"
export HOME=$scratch/container JOBS=$scratch/container/jobs DOMED_CONFIG=$scratch/config/ci.yaml
mkdir -p "$JOBS" "$HOME/work"
cd "$HOME/work"
[ "$("$run" echo 'from within' 2>../err)" = 'from within' ] || fail "run-as-job: $(cat ../err)"
grep -q '^ok' <<<"$(domectl verify "$JOBS"/*.jsonl)" || fail "run-as-job leaves no job"
status=0
"$run" sh -c 'exit 7' 2>../err || status=$?
[ $status = 7 ] || fail "run-as-job ended with $status, not with its command's 7: $(cat ../err)"
# As an engine stops it.
"$run" sh -c 'echo begun; sleep 600' >../out 2>../err &
stopped=$!
until grep -q begun ../out; do
  kill -0 $stopped 2>/dev/null || fail "run-as-job: $(cat ../out ../err)"
  sleep 0.05
done
kill $stopped
status=0
wait $stopped || status=$?
[ $status = 130 ] || fail "stopped, run-as-job ended with $status"
[ "$(ls "$JOBS" | wc -l)" = 3 ] || fail "run-as-job left $(ls "$JOBS")"
echo "the pipelines and the container do what they say"
