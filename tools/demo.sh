#!/bin/sh
# Record a real program, replay it, look at what it did. Run by `make demo`.
set -eu

REENACT_TRACE_DIR=$(mktemp -d)
export REENACT_TRACE_DIR
trap 'rm -rf "$REENACT_TRACE_DIR"' EXIT

show() {
    printf '\n$ %s\n' "$*"
    "$@"
}

compressed=$REENACT_TRACE_DIR/demo.xz
if command -v xz >/dev/null; then
    seq 1 200000 >"$REENACT_TRACE_DIR/numbers"
    printf '\n$ reenact record -- xz -6 -c numbers > demo.xz\n'
    reenact record -- xz -6 -c "$REENACT_TRACE_DIR/numbers" >"$compressed"
    show reenact verify
    printf '\n$ reenact verify --output > again.xz && cmp demo.xz again.xz\n'
    reenact verify --output >"$REENACT_TRACE_DIR/again.xz"
    cmp "$compressed" "$REENACT_TRACE_DIR/again.xz" && echo 'equal, byte for byte'
fi

dice='import random, time; print("dice:", random.randint(1, 6), "at", time.time())'
printf "\\n$ reenact record -- python3 -c '%s'\\n" "$dice"
reenact record -- python3 -c "$dice"
show reenact verify
show reenact verify --output
printf '\n$ reenact dump --kind syscall | tail -n 5\n'
reenact dump --kind syscall | tail -n 5
show reenact ls
