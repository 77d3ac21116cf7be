#!/bin/sh
# Mutate traces, two written by hand and one recorded here, and give them to every reader. Arguments go
# to crates/replayer-tests/examples/trace_soak:
#   tools/trace-soak.sh --mutations 50000
set -eu

cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
.venv/bin/reenact record --quiet -o "$place/trace" -- true
REENACT_REPLAYER=$PWD/src/reenact/_programs/reenact-replayer \
    cargo run --quiet -j "${JOBS:-2}" --release -p reenact-replayer-tests --example trace_soak -- \
    --jobs "${JOBS:-2}" --trace "$place/trace" "$@"
