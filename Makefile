# Few commands, the same names everywhere. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 4
# The newest Rust 1.x whose lints were tried.
LINTED := 97
MACHINE := tools/machine
CARGO := $(MACHINE) rust cargo
# Everything that decides what the extension is made of.
SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find rust -name '*.rs' -o -name 'Cargo.toml' | grep -v /target/)
PIP := $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --retries 5

export CARGO_TARGET_DIR ?= $(CURDIR)/target
export CARGO_TERM_QUIET ?= true
# Where it is set, every worker of the suite compiles all tests anew: 15 s each, and each child again.
unexport PYTHONDONTWRITEBYTECODE

##@ Use
.PHONY: demo serve
demo: ## Build, install what is missing after saying so, and run a translated call. ARGS="--seconds 60"
	@$(MACHINE) need demo
	@$(MAKE) $(VENV)/.release
	@$(BIN)/translink demo $(ARGS)

serve: ## Translate calls with the settings in this folder. ARGS="--mode prerecorded"
	@$(MACHINE) need build
	@$(MAKE) $(VENV)/.release
	@$(BIN)/translink serve $(ARGS)

##@ Work on it
.PHONY: develop check check-rust check-python check-types test rust-side python-side cargo-test loom pytest
develop: ## A development build in .venv.
	@$(MACHINE) need check
	@$(MAKE) $(VENV)/.dev
	@rm -f $(VENV)/.release
	VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(MACHINE) rust $(BIN)/maturin develop -q --extras offline,pico

check: ## Form, lints, types, stubs, direction of dependencies, the mailbox's model.
	@$(MACHINE) need check
	@$(MAKE) check-rust
	@$(MAKE) check-python
	@$(MAKE) loom

check-rust: # lints that a Rust newer than $(LINTED) has added are shown and fail nothing
	@$(MACHINE) need check
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- \
	  $$($(MACHINE) rust rustc --version | awk -F. '$$2 <= $(LINTED) { print "-D warnings" }')

check-python: check-types
	$(BIN)/pytest -q tests/test_architecture.py

check-types: $(VENV)/.dev $(VENV)/.release
	$(BIN)/ruff check -q
	$(BIN)/ruff format -q --check
	$(BIN)/mypy
	$(BIN)/stubtest translink._core

test: ## All checks and all tests.
	@$(MACHINE) need test
	@$(MAKE) -j2 rust-side python-side
	@$(MAKE) pytest

# Two that need nothing of each other: packages are waited for, and the extension is linked by one processor
# for most of its build. Each is one thing after another; cargo takes processors that the other leaves.
rust-side:
	@$(MAKE) check-rust
	@$(MAKE) cargo-test
	@$(MAKE) loom

python-side: # pip runs once at a time; the direction of dependencies is among the tests
	@$(MAKE) $(VENV)/.dev
	@$(MAKE) $(VENV)/.release
	@$(MAKE) check-types

cargo-test:
	$(CARGO) test --workspace --exclude translink-python

loom: # a target folder of its own, else the flag rebuilds everything twice
	RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR="$(CARGO_TARGET_DIR)/loom" \
	  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	  $(CARGO) test -p translink-engine --release --test loom_mailbox

pytest: $(VENV)/.dev $(VENV)/.release # tests/support/workers.py says which test goes to which worker
	$(BIN)/pytest -n $(WORKERS) $(ARGS)

##@ Measure
.PHONY: bench fuzz interop chaos telephony
bench: ## All benchmarks and their report, about 20 min. ARGS=--full, ARGS="-k ingest"
	@$(MACHINE) need bench
	@$(MAKE) $(VENV)/.dev $(VENV)/.release
	$(BIN)/python -m benches $(ARGS)

fuzz: ## Fuzz the core, SECONDS=30 a target. Needs a nightly Rust and cargo-fuzz.
	tools/fuzz $(or $(SECONDS),30)

.PHONY: guards
guards: $(VENV)/.dev $(VENV)/.release ## Take each protection of docs/security.md away: a test must fail. ARGS="token"
	$(BIN)/python tools/mutate-guards $(ARGS)

interop: ## Calls with real peers: Asterisk, GStreamer, ffmpeg, datagrams of all sizes.
	@$(MACHINE) need test
	@# One to three minutes and 360 MB the first time; without it the tests say what they did not do.
	@tools/pbx-root >/dev/null || true
	@$(MAKE) pytest ARGS="tests/interop -v $(ARGS)"

chaos: ## The table of docs/reliability.md: faults against words lost. ARGS="--short"
	@$(MACHINE) need build
	@$(MAKE) $(VENV)/.dev $(VENV)/.release
	$(BIN)/python -m benches.chaos $(ARGS)

telephony: ## The heavy table of docs/telephony.md: 20 pairs, 100 calls, lossy relay. ARGS="--only loss"
	@$(MACHINE) need build
	@$(MAKE) $(VENV)/.dev $(VENV)/.release
	$(BIN)/python -m benches.telephony $(ARGS)

##@ Rest
.PHONY: settings-reference clean help
settings-reference: $(VENV)/.release ## Write docs/settings.md anew.
	$(BIN)/python tools/settings-reference

clean: ## Remove what was built: .venv, target, caches.
	rm -rf $(VENV) target dist demo-out .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -f python/translink/_core*.so
	find python tests benches -name __pycache__ -prune -exec rm -rf {} +

help:
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

# Stamps: what they stand for is done once and again when what it depends on changes.

$(VENV)/.made:
	@echo "translink: making $(VENV)"
	@"$$($(MACHINE) python)" -m venv --clear $(VENV)
	@$(PIP) -q --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml
	@$(MACHINE) watch "installing development tools into $(VENV) (about a minute)" $(VENV)/dev.log $(PIP) --group dev
	@touch $@

$(VENV)/.release: $(VENV)/.made $(SOURCES)
	@$(PIP) -q 'maturin>=1.14,<2'
	@# Not quiet: the log is what tells how far it is.
	@VIRTUAL_ENV="$(CURDIR)/$(VENV)" CARGO_TERM_QUIET=false $(MACHINE) watch \
	  "building the media core (two minutes the first time, more on a busy machine)" $(VENV)/build.log \
	  $(MACHINE) rust $(BIN)/maturin develop --release --extras offline,pico
	@# As pip does with what it installs: else every start compiles it anew where Python may not write.
	@$(BIN)/python -m compileall -q python/translink
	@touch $@
