# `make help` shows what there is.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 2
# Where the shell forbids it, every process of a test would compile all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test check bench docs lock

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

install: .venv/installed  ## make .venv with everything, both wheels editable

.venv/installed: requirements.lock pyproject.toml wheels/azureml/pyproject.toml
	@echo "Installing into .venv ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement <(grep -A 40 '^uv==' requirements.lock | awk 'NR>1 && /^[a-z]/{exit} {print}')
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . --editable wheels/azureml
	@touch $@

check: install  ## the quick loop: format, lint, types, import rules, unit tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/unit -q -n $(JOBS)

test: check  ## all tests
	$(BIN)/python -m pytest tests -q --ignore tests/unit -m "not alone" -n $(JOBS) --dist loadfile --no-loadscope-reorder
	$(BIN)/python -m pytest tests -q --ignore tests/unit -m alone

demo: install  ## start the platform, train on real data, and serve the best model
	$(BIN)/terrazul up
	$(BIN)/python examples/diabetes/demo.py

bench: install  ## measure, beside the limits; the tables go to docs/benchmarks.md
	$(BIN)/python benchmarks/all.py

docs: install  ## write docs/reference and docs/compatibility anew from the code
	$(BIN)/python docs/generate
	$(BIN)/python -m terrazul.compatibility docs/compatibility

lock: ## resolve the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-header \
		--extra server --extra postgresql --extra mount --extra databases --extra azure-files --extra sql-server --group dev --group compat pyproject.toml --output-file requirements.lock
