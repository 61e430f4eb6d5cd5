# Polaris Express. `make` alone lists what can be asked.

SHELL := /bin/sh
.DEFAULT_GOAL := help
PY := .venv/bin/python
STAMP := .venv/installed-from-lock
# The first of these that is new enough makes the virtual environment.
PYTHONS := python3.13 python3.12 python3.11 python3 python

.PHONY: help setup run test check format statements catalogue behaviours fuzz planted histories bench load-demo schema psql lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv from the lock file
	@:

# The stamp is written last, so that an interrupted install is done again.
$(STAMP): requirements.lock
	@$(PY) -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    for python in $(PYTHONS); do \
	        if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	            $$python -c 'import venv, ensurepip' 2>/dev/null || { \
	                echo "$$python lacks venv: install it (on Debian: apt-get install python3-venv)." >&2; \
	                exit 1; }; \
	            rm -rf .venv && $$python -m venv .venv && exit 0; \
	            echo "$$python could not make .venv." >&2; exit 1; \
	        fi; \
	    done; \
	    echo "Python 3.11 or newer is needed: install it so that python3 or python3.11 finds it." >&2; \
	    exit 1; }
	@echo "Installing from requirements.lock ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@touch $@

run: setup ## Start everything; Ctrl-C ends it
	@$(PY) run.py --end-with-make

test: setup ## Run the tests
	@$(PY) -m tests.pages.chromium
	@PYTHONASYNCIODEBUG=1 $(PY) -m pytest -n 4 --dist worksteal

check: setup ## Check style, types, import rules, and that each statement and row has a test
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m mypy run.py
	@$(PY) .venv/bin/lint-imports
	@$(PY) -m tests.statements --quiet
	@$(PY) -m tests.catalogue --quiet

statements: setup ## List the documents' statements and the tests that prove each
	@$(PY) -m tests.statements

catalogue: setup ## List the catalogue of bad input and the tests that prove each row
	@$(PY) -m tests.catalogue

behaviours: setup ## List what chargers do, and the tests of our answer; writes docs/behaviours.md
	@$(PY) -m tests.behaviours

fuzz: setup ## Send every spoilt frame that the schemas give; FUZZ_SEED= repeats an order
	@FUZZ_FRAMES=all $(PY) -m pytest -s -n 0 --tb=short tests/fuzz/test_spoilt.py

planted: setup ## Plant 31 bugs in a copy, one by one; the tests must notice each
	@$(PY) -m tests.planted

histories: setup ## Play HISTORIES=10000 through a bad network; the rows must be the truth
	@HISTORIES=$(or $(HISTORIES),10000) $(PY) -m pytest -n 3 -rP tests/histories

format: setup ## Format the code
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

bench: setup ## Measure speed; writes bench.json
	@$(PY) -m simulators.bench
	@$(PY) -m simulators.bench.pages

load-demo: setup ## Load 300,000 sessions and 5 million readings into the database
	@$(PY) -m db.load_demo

schema: setup ## Write db/schema.sql from the migrations
	@$(PY) -m db.tools schema

psql: setup ## Open psql on the database
	@$(PY) -m db.tools psql

# Needs uv on the path; names no index, so that the lock fits any.
lock: ## Make requirements.lock from pyproject.toml
	@uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.lock

clean: ## Remove .venv and caches; the data in .data stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench.json
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
