# One word each. A bare machine needs python3 (3.11 or newer) and nothing else; see README.md.
.DEFAULT_GOAL := help
.PHONY: help setup demo dev check check-python check-web test unit web-test e2e e2e-round e2e-phones e2e-desk e2e-walk faults bench lock

# Every command is a process of its own: without compiled modules each would begin with ten seconds of compiling.
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
READY := $(VENV)/.ready
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix web --no-audit --no-fund --no-update-notifier
# The web console is built where its sources are there.
WEB := $(if $(wildcard web/package.json),web/dist/index.html)
BROWSER := $(VENV)/.browser
CPUS := $(shell nproc 2>/dev/null || echo 1)
WORKERS := $(if $(filter 1,$(CPUS)),0,$(if $(filter 2 3,$(CPUS)),2,4))

help:  ## This list.
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 10

setup: $(READY) $(WEB)  ## Everything the project needs, into .venv and web/node_modules.

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

web/node_modules/.ready: web/package.json web/package-lock.json | $(READY)
	@$(NPM) ci --loglevel=error
	@touch $@

web/dist/index.html: web/node_modules/.ready $(shell find web/src web/public web/station web/my web/index.html web/*.ts web/worker.js web/*.json -type f 2>/dev/null)
	@$(NPM) run --silent bundle -- --logLevel error
	@touch $@

$(BROWSER): $(READY)  # Debian's Chromium and a Chinese font; nothing is downloaded by Playwright itself
	@missing=""; \
	command -v chromium >/dev/null || missing="chromium"; \
	fc-list :lang=zh 2>/dev/null | grep -q . || missing="$$missing fontconfig fonts-noto-cjk"; \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "browser   installing$$missing"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else \
		echo "The browser tests need: sudo apt-get install $$missing"; exit 1; \
	fi
	@touch $@

demo: setup  ## A real town's screening day, replayed; leaves the system running.
	@$(BIN)/yingjian demo

dev: setup  ## The whole system, for development.
	@$(BIN)/yingjian serve --migrate

check: $(READY) $(if $(WEB),web/node_modules/.ready)  ## Lint, types, the laws of the house.
	@$(MAKE) --no-print-directory -j2 check-python $(if $(WEB),check-web)

check-python: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

check-web: web/node_modules/.ready
	@$(NPM) run --silent lint && $(NPM) run --silent types

test: check unit $(if $(WEB),web-test) e2e  ## Everything: checks, tests, coverage, the web, the browser.

unit: $(READY)  # Python's tests, with the branch coverage of rules, actions and queries
	@$(BIN)/pytest -m "not e2e" -n $(WORKERS) --dist worksteal --cov --cov-report=
	@$(BIN)/coverage json --quiet -o .coverage.json && $(BIN)/python tests/branch_floor.py .coverage.json

web-test: web/node_modules/.ready
	@$(NPM) run --silent test

# Three at once, each with a running system of its own: phones wait more than they reckon. The round that two of them
# look at is played once; each serves a copy.
e2e: setup $(BROWSER)  ## The browser's journeys through the running system only.
	@$(MAKE) --no-print-directory -j3 --output-sync=target e2e-phones e2e-desk e2e-walk

PHONES := tests/journeys/test_station.py tests/journeys/test_hub.py tests/faults
WALK := tests/permissions
ROUND := var/played

e2e-phones: $(READY) $(BROWSER)
	@$(BIN)/pytest -m e2e $(PHONES)

e2e-round: $(READY)
	@rm -rf $(ROUND) && mkdir -p $(ROUND) && $(BIN)/python -m tests.played $(ROUND)

e2e-walk: e2e-round
	@YINGJIAN_ROUND=$(ROUND) $(BIN)/pytest -m e2e $(WALK)

e2e-desk: e2e-round $(BROWSER)
	@YINGJIAN_ROUND=$(ROUND) $(BIN)/pytest -m e2e tests $(addprefix --ignore=,$(PHONES) $(WALK))

faults: setup  ## The long fault campaign: 300 seeded schedules, some twenty minutes; docs/faults.md.
	@$(BIN)/python -m tests.faults --schedules 300

bench: $(READY)  ## Measurements for docs/benchmarks.md.
	@$(BIN)/yingjian bench

LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header

lock: $(UV)  ## Pin the dependencies of pyproject.toml anew (no download addresses in the locks).
	@$(LOCK) pyproject.toml -o requirements.lock
	@$(LOCK) --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@grep -E '^uv==' requirements-dev.lock | cut -d' ' -f1 | $(LOCK) - -o requirements-uv.lock
	@! grep -n '://' requirements*.lock
