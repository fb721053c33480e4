# Careline. `make run` on a machine with nothing but Python 3.11 and make; `make test` for everything else.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
DEMO ?= 1
DATA ?=
ARGS ?=
# an environment may forbid bytecode; every one of a hundred processes would then compile everything
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run test test-fast proof components check fmt lock generated clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' Makefile

setup: ## make .venv with everything in requirements.lock
	@scripts/setup.sh

run: setup ## start everything on one port with live demo calls (DEMO=0: empty; DATA=folder)
	@exec $(BIN)/careline up $(if $(filter-out 0,$(DEMO)),--demo) $(if $(DATA),--data $(DATA)) $(ARGS)

test: setup components ## every test, on real PostgreSQL, RabbitMQ, Asterisk and SIP phones
	@scripts/test.sh $(ARGS)

test-fast: setup ## unit tests alone: seconds, and nothing is started
	@$(BIN)/pytest -q -n auto tests/unit $(ARGS)

proof: setup components ## the long budgets, hours of them (ARGS=event_order: one), to benchmarks/results
	@scripts/proof.sh $(ARGS)

components: ## fetch the programs that tests run against, into .cache
	@scripts/components.sh

check: setup ## format, lint, types, import walls, generated files, then every test
	@scripts/components.sh & scripts/check.sh; code=$$?; wait; exit $$code
	@$(MAKE) --no-print-directory test

image: ## try the steps of the image here, without a container engine
	@scripts/image.sh

generated: setup ## write what is made from code anew: API and event documents, settings, metrics, dashboard
	@$(BIN)/python scripts/generated.py

fmt: setup ## format and sort imports
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

lock: setup ## write requirements.lock anew from the members' pyproject.toml
	@scripts/lock.sh

clean: ## remove what make made here; .careline, which holds data, stays
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
	@find . -name __pycache__ -prune -exec rm -rf {} +
