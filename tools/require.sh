#!/bin/sh
# Say in one sentence what is missing to build reenact, instead of a page of errors.
set -eu

fail() {
    echo "reenact cannot be built: $1" >&2
    exit 1
}

[ "$(uname -sm)" = "Linux x86_64" ] || fail "it is for x86-64 Linux, this is $(uname -sm)"
command -v "${PYTHON:-python3}" >/dev/null || fail "python3 is missing (3.10 or later)"
"${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "python3 is too old ($("${PYTHON:-python3}" --version)); 3.10 or later is needed"
"${PYTHON:-python3}" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "python3 has no venv module (Debian: apt-get install python3-venv)"
command -v cargo >/dev/null || fail "cargo is missing (https://rustup.rs, stable, 1.90 or later)"
command -v cc >/dev/null || fail "a C compiler is missing (Debian: apt-get install gcc)"
