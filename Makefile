# Targets for people. Every one that needs the environment makes it first; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python

.PHONY: help setup distill test test-all check ruff types imports docs-are-written bench docs clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: ## Make the environments from the lock files and unpack the embedded models (does nothing when done)
	@scripts/setup

distill: setup ## Distil a task from start to report: make distill TASK=classify (ARGS="--yes" agrees to its bills)
	@test -n "$(TASK)" || { echo "which task? make distill TASK=classify" >&2; exit 2; }
	@.venv/bin/distill run "$(TASK)" $(ARGS)

test: setup ## Run every check, and every test but the nightly ones (about half an hour on two cores)
	@$(MAKE) --no-print-directory check
	@$(PYTHON) -m pytest -n 2 --dist worksteal -m "not models and not nightly"
	@$(PYTHON) -m pytest -n 2 --dist loadfile -m "models and not nightly"

test-all: test ## The same, and the nightly tests, which take too long for every change
	@$(PYTHON) -m pytest -n 2 --dist loadfile -m nightly

check: setup ## Format, lint, types, import rules, docs up to date (seconds)
	@$(MAKE) --no-print-directory --jobs 2 --output-sync types ruff imports docs-are-written

ruff:
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@scripts/check_prose distill docs README.md

types:
	@.venv/bin/mypy

imports:
	@.venv/bin/lint-imports --no-logo

docs-are-written:
	@.venv/bin/cog --check docs/*.md

bench: setup ## Measure quality on real data (make bench DATA=folder LABELS=easy), or one benchmark (BENCH=dedup DATA=folder), or speed and kills
	@if [ -n "$(BENCH)" ]; then \
	    $(PYTHON) -m benchmarks.$(BENCH) $(if $(DATA),--data "$(DATA)"); \
	elif [ -n "$(DATA)" ]; then \
	    $(PYTHON) -m benchmarks.real_classify --data "$(DATA)" --labels "$(or $(LABELS),easy)"; \
	else \
	    $(PYTHON) -m benchmarks.kills; \
	    $(PYTHON) -m benchmarks.throughput $(if $(PEERS),--peers "$(PEERS)"); \
	fi

docs: setup ## Write the parts of the docs that come from the code
	@.venv/bin/cog -r docs/*.md

clean: ## Remove caches and build leftovers; runs and environments stay
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build *.egg-info
	@find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
