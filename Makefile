# One word each. A bare machine needs python3 (3.11 or newer) and nothing else; see README.md.
.DEFAULT_GOAL := help
.PHONY: help setup demo dev check test e2e bench lock

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
READY := $(VENV)/.ready

help:  ## This list.
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 10

setup: $(READY)  ## Everything the project needs, into .venv and web/node_modules.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Yingjian needs Python 3.11 or newer; $(PYTHON) is older."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "setup     installing python3-venv (Debian keeps it apart)"; \
			apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null; \
		else \
			echo "Python's venv module is missing. Debian: sudo apt-get install python3-venv"; exit 1; \
		fi; }
	@$(PYTHON) -m venv $(VENV)

$(UV): $(BIN)/python requirements-uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@touch $@

$(READY): $(UV) requirements-dev.lock pyproject.toml
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)  ## A real town's screening day, replayed; leaves the system running.
	@$(BIN)/yingjian demo

dev: $(READY)  ## The whole system, for development.
	@$(BIN)/yingjian serve --migrate

check: $(READY)  ## Lint, types, the laws of the house.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: check  ## Everything: checks, tests, coverage, browser.
	@$(BIN)/pytest

e2e: $(READY)  ## The browser's journeys only.
	@$(BIN)/pytest -m e2e

bench: $(READY)  ## Measurements for docs/benchmarks.md.
	@$(BIN)/yingjian bench

LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header

lock: $(UV)  ## Pin the dependencies of pyproject.toml anew (no download addresses in the locks).
	@$(LOCK) pyproject.toml -o requirements.lock
	@$(LOCK) --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@grep -E '^uv==' requirements-dev.lock | cut -d' ' -f1 | $(LOCK) - -o requirements-uv.lock
	@! grep -n '://' requirements*.lock
