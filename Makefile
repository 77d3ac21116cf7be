# Everything a newcomer or CI runs. Each target works on a fresh machine with python3 (3.10 or
# later, with venv), cargo, a C compiler and make: they make their own virtual environment.

SHELL := /bin/sh
PYTHON ?= python3
JOBS ?= 2
export JOBS
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYO3_PYTHON := $(CURDIR)/.venv/bin/python
# Builds run beside the tests of others on small machines.
export CARGO_BUILD_JOBS ?= $(JOBS)

VENV := .venv
BIN := $(VENV)/bin
# maturin and the command under test are found first.
export PATH := $(CURDIR)/$(BIN):$(PATH)
RUST_SOURCES := $(shell find crates -name target -prune -o \( -name '*.rs' -o -name '*.toml' -o -name '*.lock' -o -name '*.ld' -o -name '*.S' \) -print)
PACKAGING := $(wildcard pyproject.toml Cargo.toml Cargo.lock build.py)

.PHONY: help demo build recorder release test test-rust test-translator test-traces test-python full lint format bench soak docs reference clean

help:
	@echo 'make demo    build, record a real program, replay and verify it'
	@echo 'make test    all tests: Rust and Python'
	@echo 'make full    the Python tests with programs in full size (about half an hour)'
	@echo 'make lint    formatting, static checks, layers'
	@echo 'make recorder  reenact-recorder, one static file that records on machines without the rest'
	@echo 'make release   wheel, source distribution and reenact-recorder in build/release'
	@echo 'make bench   measure recording and replaying against native runs (minutes)'
	@echo 'make soak    fuzz without end (Ctrl-C ends it)'
	@echo 'make docs    the documentation as HTML in build/docs'

$(BIN)/.tools: requirements-development.txt
	@tools/require.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -r requirements-development.txt
	@touch $@

# An editable installation: Python sources are used in place, native parts are built.
$(BIN)/.built: $(BIN)/.tools $(RUST_SOURCES) $(PACKAGING)
	@tools/require.sh
	$(BIN)/pip install --quiet --no-build-isolation --editable .
	@# Where Python may not write bytecode by itself, every start would compile all of it.
	$(BIN)/python -m compileall -q src/reenact
	@touch $@

build: $(BIN)/.built

# For machines without Python: the supervisor with the recorder inside.
recorder: build
	@tools/recorder.sh

# What is published: docs/internals/releasing.md.
release: build
	@tools/release.sh

demo: build
	@sh tools/demo.sh

test: test-rust test-translator test-traces test-python

test-rust: build
	@mkdir -p build/tests && rm -f build/tests/skipped-rust-tests.txt
	REENACT_TEST_SKIPS=$(CURDIR)/build/tests/skipped-rust-tests.txt \
	REENACT_REPLAYER=$(CURDIR)/src/reenact/_programs/reenact-replayer tools/workspaces.sh test

# The translator against the processor: random sequences over the decoder's whole table.
test-translator: build
	cargo run --quiet -j $(JOBS) --release -p reenact-translator --example translator-fuzz -- --sequences 100000

# Traces that somebody has mutated, with right checksums, given to every reader.
test-traces: build
	tools/trace-soak.sh --mutations 50000

test-python: build
	$(BIN)/python -m pytest $(PYTEST_ARGUMENTS)

# The same tests on real sizes, all modules of CPython's test suite, all programs as an ordinary
# user and without network. `PYTEST_ARGUMENTS="tests/test_real_programs.py -k xz"` chooses.
full: build
	REENACT_TEST_FULL=1 $(BIN)/python -m pytest $(PYTEST_ARGUMENTS)

lint: $(BIN)/.tools
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/vermin --target=3.9- --no-tips --quiet --exclude-regex '[.]pyi$$' src/reenact
	$(BIN)/python tools/check_layers.py
	$(BIN)/python tools/check_examples.py
	tools/workspaces.sh fmt --check
	tools/workspaces.sh clippy -D warnings

format: $(BIN)/.tools
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format
	tools/workspaces.sh fmt

bench: build
	$(BIN)/python -m benches $(BENCH_ARGUMENTS)

soak: build
	@sh tools/soak.sh

reference: build
	$(BIN)/python -m reenact.reference docs

docs: reference
	$(BIN)/pip install --quiet -r docs/requirements.txt
	$(BIN)/python -m sphinx -q -W -b html docs build/docs
	@echo 'build/docs/index.html'

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
	tools/workspaces.sh clean
