# Everything needs nothing but python3, pip and make: each target makes its own virtual environment in .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PACKAGES := actors bulkhead messages supervisor
# Half of the time a test of real processes waits for them, so three fill two cores.
WORKERS ?= 3

.PHONY: help install run test check lock clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

install: $(STAMP) ## make .venv from the pinned, hashed lock file

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

run: install ## a supervised paper session against the simulated venue, until Ctrl-C
	$(BIN)/bulkhead run

check: install ## style, types and the arrows between packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: check ## everything that must hold: check, then the whole test suite
	$(BIN)/python -m compileall -q $(PACKAGES)
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lock: ## renew requirements.lock from pyproject.toml (needs a network)
	$(BIN)/pip-compile --quiet --extra dev --extra calendars --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --no-header --upgrade --output-file requirements.lock pyproject.toml

clean: ## remove the environment and every cache (never logs/)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
