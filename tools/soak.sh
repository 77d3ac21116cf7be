#!/bin/sh
# Real programs in full size, then fuzz until Ctrl-C: the translator against the processor, and readers against mutated traces.
# SOAK_ROUNDS limits the number of rounds.
set -eu

# The programs of the acceptance list in their full sizes, once.
REENACT_TEST_FULL=1 .venv/bin/python -m pytest -q tests/test_real_programs.py
# Each race found, and replayed twenty times.
REENACT_TEST_FULL=1 .venv/bin/python -m pytest -q tests/test_races.py

round=0
while [ "${SOAK_ROUNDS:-0}" -eq 0 ] || [ "$round" -lt "$SOAK_ROUNDS" ]; do
    round=$((round + 1))
    echo "soak round $round"
    seed=$(date +%s%N)
    cargo run --quiet --release -p reenact-translator --example translator-fuzz -- \
        --sequences "${SOAK_SEQUENCES:-1000000}" --seed "$seed"
    cargo run --quiet --release -p reenact-sites --example sites-fuzz -- \
        --scans "${SOAK_SCANS:-100000}" --seed "$seed" /lib64/ld-linux-x86-64.so.2
    tools/trace-soak.sh --mutations "${SOAK_MUTATIONS:-1000000}" --seed "$seed"
    REENACT_SOAK_SEED=$seed .venv/bin/python -m pytest -q -x -m soak tests
done
