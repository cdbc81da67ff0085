# Signalbox: `make run` starts everything, `make test` tests it, `make check` lints it, `make bench` measures it.
# Needs Python >= 3.11 with its venv module, nothing else: Node.js for the dashboard comes as a wheel where it is missing. All of it works as root and as an ordinary user.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
# The steps of one make build on each other; several makes at once wait for each other inside of the scripts.
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
ARGS ?=
# Test processes; each has servers of its own. 0 runs the tests in this one, without the help of any other.
JOBS ?= $(shell nproc)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help:
	@cat <<'TEXT'
	make run     set up what is missing, then start Signalbox on http://127.0.0.1:8000
	make test    the whole test suite on embedded servers (ARGS="-k stats" narrows it)
	make test-external   the contexts' tests on the system's PostgreSQL and Redis
	make check   format, lint, types, layers, spelling, the rules, generated pages, the dashboard's sources
	make bench   the benchmarks, on this machine, in one run
	make format  rewrite files the way make check wants them
	make docs    write the generated pages and types again
	make web     build the dashboard into web/dist (make run does it by itself)
	make web-dev the dashboard from its sources, in front of a running server (SIGNALBOX_URL)
	make lock    resolve the dependencies again (needs uv)
	make clean   remove the virtual environment, what was built and all caches
	TEXT

# --- set-up -------------------------------------------------------------------------------------

# The venv is made once and then kept: each stamp is newer than the lock that it stands for.
$(BIN)/python:
	@scripts/make-venv $(VENV)

$(RUN_STAMP): requirements.lock pyproject.toml scripts/install | $(BIN)/python
	@scripts/install $(VENV) requirements.lock
	touch $@

$(DEV_STAMP): requirements-dev.lock pyproject.toml scripts/install | $(BIN)/python
	@scripts/install $(VENV) requirements-dev.lock
	touch $@ $(RUN_STAMP)

.PHONY: setup setup-dev
setup: $(RUN_STAMP)
setup-dev: $(DEV_STAMP)

# --- the commands -------------------------------------------------------------------------------

# Looks at the sources itself: nothing happens when the built one stands for them.
.PHONY: web
web: setup
	@scripts/web $(VENV) build

.PHONY: web-dev
web-dev: setup
	@exec scripts/web $(VENV) dev

.PHONY: run
run: web
	@exec $(BIN)/signalbox up $(ARGS)

.PHONY: test
test: setup-dev web
	@scripts/web $(VENV) test
	exec $(BIN)/python -m pytest -n $(JOBS) $(ARGS)

# The contexts and the kernel; what starts servers of its own (tests/site) would not notice the difference.
.PHONY: test-external
test-external: setup-dev
	@scripts/test-external $(BIN) -n $(JOBS) tests/core tests/http tests/accounts tests/monitoring $(ARGS)

.PHONY: coverage
coverage: setup-dev
	@$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=term-missing $(ARGS)

.PHONY: check
check: setup-dev
	@scripts/check $(VENV)

.PHONY: bench
bench: setup-dev
	@exec $(BIN)/python -m bench $(ARGS)

.PHONY: format
format: setup-dev
	@$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	scripts/web $(VENV) format

.PHONY: docs
docs: setup-dev
	@$(BIN)/python -m signalbox.site.configuration --write
	@$(BIN)/python -m signalbox.site.issues_page --write
	@scripts/web $(VENV) types

# The locks name no registry and serve every supported Python on Linux.
UV ?= uv
LOCK := $(UV) pip compile --quiet --no-header --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url

.PHONY: lock
lock:
	@$(LOCK) pyproject.toml --group build --output-file requirements.lock
	$(LOCK) pyproject.toml --group dev --constraint requirements.lock --output-file requirements-dev.lock
	$(LOCK) --group node --output-file requirements-node.lock

.PHONY: clean
clean:
	@rm -rf web/node_modules web/dist web/dist.new web/.svelte-kit
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage*
	find signalbox tests bench migrations -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
