# Two commands matter: `make dev` runs it, `make test` tests it. Everything else is listed by `make help`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help test check format lock dist clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

# One virtual environment; a stamp file says which set of pins is in it.
$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.test: requirements/test.txt pyproject.toml | $(VENV)/.made
	$(PIP) install --require-hashes -r requirements/test.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.check: requirements/check.txt | $(VENV)/.test
	$(PIP) install --require-hashes -r requirements/check.txt
	touch $@

test: $(VENV)/.test  ## every test, on 2 cores in under 10 minutes
	$(BIN)/python -m pytest

check: $(VENV)/.check  ## format, lint, types, import contracts, coverage floor
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(VENV)/.check  ## mend what a machine can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## compile requirements/*.in into pins with hashes (needs uv)
	for name in build test check bench; do \
	  uv pip compile --universal --python-version 3.11 --generate-hashes --quiet \
	    --no-emit-index-url --no-emit-find-links --no-header \
	    requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

dist: $(VENV)/.test  ## wheel and sdist, and the wheel imported in a clean environment
	PYTHON=$(BIN)/python sh tests/packaging/build.sh

clean:  ## everything that was made, but the data in .gatepass/
	rm -rf $(VENV) build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
