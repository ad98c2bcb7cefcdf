# Everything that CI and people run. `make` lists it.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: help setup demo up down test unit mutations check format bench lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install everything into this folder (a second run takes a second)
	@$(PYTHON) stack/setup.py

demo: setup ## the whole stack over a simulated market, in the foreground; Ctrl-C stops it
	@$(BIN)/gputicker up --sim

up: setup ## the whole stack over the real providers, in the foreground
	@$(BIN)/gputicker up --live

down: ## stop a stack that runs in the background
	@$(BIN)/gputicker down

test: setup check unit ## everything CI runs: checks, unit, contract and end-to-end tests on the real stack
	@$(BIN)/pytest tests/e2e

# A file's tests stay together, for what they share; the files in order, because the slow ones have few tests and would come last.
unit: setup ## the tests that need no running stack, on two cores
	@$(BIN)/pytest -m "not stack" --numprocesses 2 --dist loadfile --no-loadscope-reorder

mutations: setup ## 100,000 random wrong answers, new ones each time (`make test` has 5,000): none may become a wrong price
	@GPUTICKER_MUTATIONS=100000 $(BIN)/pytest -p no:logging tests/adapters/test_mutation_chains.py

check: setup ## linter, formatter, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## ours and the usual way side by side (takes some minutes)
	@$(BIN)/python -m bench

lock: setup ## resolve requirements/*.in again
	@for name in app dev flink airflow; do \
	  $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

clean: ## remove what setup installed and every stack's data
	rm -rf .venv .venv-flink .venv-airflow .gputicker
