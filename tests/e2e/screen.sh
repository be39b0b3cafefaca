# What scenarios of a person at a terminal share: tmux, and what it shows. For scenarios, behind lib.sh and 'start'.
screen_options=()  # such as -u
tm() { tmux "${screen_options[@]}" -L "domed-$$" "$@"; }
leave_screen() { code=$?; set +e; tm kill-server 2>/dev/null; (exit $code); cleanup; }
trap leave_screen EXIT
screen() { tm capture-pane -p "$@"; }
# Waits until the screen shows what matches.
until_screen() {
  for _ in $(seq 1200); do
    screen | grep -qE "$1" && return
    sleep 0.1
  done
  fail "the screen does not show $1: $(screen)"
}
