#!/bin/sh
# Build what a release consists of into build/release: a wheel for every Linux with glibc 2.17 or later and
# CPython 3.9 or later, the source distribution, the static recorder, and their checksums.
set -eu

cd "$(dirname "$0")/.."
out=$PWD/build/release
tools=$PWD/build/release-tools
glibc=manylinux_2_17

if [ ! -x "$tools/bin/auditwheel" ]; then
    "${PYTHON:-python3}" -m venv "$tools"
    "$tools/bin/pip" install --quiet -r requirements-release.txt
fi
rm -rf "$out"
mkdir -p "$out"
PATH=$tools/bin:$PATH
export PATH

maturin sdist --out "$out"
# Linked by zig, which has the symbol versions of every glibc: what this machine's has is too new for others.
maturin build --release --strip --zig --compatibility "$glibc" --out "$out"
auditwheel show "$out"/*.whl | grep -q "\"${glibc}_x86_64\"" || {
    auditwheel show "$out"/*.whl >&2
    echo "the wheel is not one for $glibc" >&2
    exit 1
}
if [ -d "$(rustc --print target-libdir --target x86_64-unknown-linux-musl)" ]; then
    tools/recorder.sh >/dev/null
    cp build/reenact-recorder "$out"
else
    echo "without reenact-recorder: rustup target add x86_64-unknown-linux-musl" >&2
fi
(cd "$out" && sha256sum -- * >SHA256SUMS)
ls -l "$out"
