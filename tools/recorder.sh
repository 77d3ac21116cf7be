#!/bin/sh
# Build reenact-recorder: one static file that records on a machine without the rest of reenact.
# The freestanding recorder, which `make build` has built, becomes a part of it.
set -eu

cd "$(dirname "$0")/.."
target=x86_64-unknown-linux-musl
if [ ! -d "$(rustc --print target-libdir --target $target)" ]; then
    echo "Rust's $target is missing: rustup target add $target" >&2
    exit 1
fi
# The compression library is in C. Without musl's own compiler driver the machine's will do: what it
# takes from the headers is the same in both.
if ! command -v musl-gcc >/dev/null; then
    CC_x86_64_unknown_linux_musl=${CC:-cc}
    export CC_x86_64_unknown_linux_musl
fi
REENACT_EMBEDDED_RECORDER=$PWD/src/reenact/_programs/reenact-recorder \
    cargo build --quiet --release -j "${JOBS:-2}" -p reenact-standalone --target $target
mkdir -p build
strip -o build/reenact-recorder target/$target/release/reenact-recorder
ls -lh build/reenact-recorder | awk '{print $NF, $5}'
