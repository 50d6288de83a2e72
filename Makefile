# The two commands to know are `make run` and `make test`; both set up what they need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.requirements ## set up on first use, then open the app
	$(BIN)/python app.py

test: $(VENV)/.requirements-dev lint ## set up on first use, then lint and run all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-thorough: $(VENV)/.requirements-dev ## the slow tests that `make test` leaves out
	$(BIN)/python -m pytest -m thorough

lint: $(VENV)/.requirements-dev ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: $(VENV)/.requirements-dev ## the benchmark numbers of the README
	$(BIN)/python -m analysis bench scan
	$(BIN)/python -m analysis bench model

gpu-check: $(VENV)/.requirements ## on a machine with an NVIDIA GPU: correctness, speed, Fig. 1
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-gpu.txt
	$(BIN)/python -m analysis gpu-check

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.requirements: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m analysis.ops.compile
	touch $@

$(VENV)/.requirements-dev: requirements-dev.txt $(VENV)/.requirements
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

.PHONY: help run test test-thorough lint bench gpu-check clean
