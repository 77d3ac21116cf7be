#!/bin/sh
# Run one cargo subcommand in every cargo workspace of the repository: the host-side one and the
# freestanding programs, which are workspaces of their own (another panic strategy).
#   tools/workspaces.sh fmt --check
#   tools/workspaces.sh clippy -D warnings
#   tools/workspaces.sh test
set -eu

cd "$(dirname "$0")/.."
jobs=${JOBS:-2}
subcommand=$1
shift

has_component() {
    cargo "$1" --version >/dev/null 2>&1
}

case $subcommand in
fmt | clippy)
    if ! has_component "$subcommand"; then
        component=$subcommand
        [ "$subcommand" = fmt ] && component=rustfmt
        echo "cargo $subcommand is not installed here: rustup component add $component (skipped)" >&2
        # In continuous integration a missing check is a failure, not a surprise.
        [ -z "${CI:-}" ] || exit 1
        exit 0
    fi
    ;;
esac

# The host-side workspace is the root; each other Cargo.toml with its own [workspace] counts too.
workspaces=.
for manifest in crates/*/Cargo.toml; do
    if grep -q '^\[workspace\]' "$manifest"; then
        workspaces="$workspaces $(dirname "$manifest")"
    fi
done

# A freestanding program has no test harness: its logic lives in crates that have, and the tests
# of guest programs run it.
[ "$subcommand" != test ] || workspaces=.

run() {
    case $subcommand in
    fmt) cargo fmt --all -- "$@" ;;
    clippy)
        # A freestanding program has no test target: there is no std to build it with.
        targets=
        [ "$workspace" != . ] || targets=--all-targets
        # shellcheck disable=SC2086 # no word at all when empty
        cargo clippy --quiet -j "$jobs" --workspace $targets -- "$@"
        ;;
    test) cargo test --quiet -j "$jobs" --workspace "$@" ;;
    *) cargo "$subcommand" "$@" ;;
    esac
}

# Go through all of them even when one fails: a person wants to see everything at once.
failed=
for workspace in $workspaces; do
    echo "cargo $subcommand: $workspace"
    (cd "$workspace" && run "$@") || failed="$failed $workspace"
done
if [ -n "$failed" ]; then
    echo "cargo $subcommand failed in:$failed" >&2
    exit 1
fi
