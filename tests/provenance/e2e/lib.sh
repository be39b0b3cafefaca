# Sourced by the scenarios here: those of tests/e2e/lib.sh, with both collectors and real repositories.
. "$(dirname "$0")/../../e2e/lib.sh"
sed -i 's/^provenance: .*/provenance: [ { plugin: provenance-git }, { plugin: provenance-host } ]/' "$scratch/domed.yaml"
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
git() { command git -c user.name=n -c user.email=e@example.org -c init.defaultBranch=main "$@"; }
# A repository with one commit, at $1.
repository() { git init -q "$1"; echo one >"$1/a"; git -C "$1" add a; git -C "$1" commit -q -m first; }
