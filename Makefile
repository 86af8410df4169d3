# Two commands matter: `make dev` runs it, `make test` tests it. Everything else is listed by `make help`.
PYTHON ?= python3
VENV   ?= .venv
MODE   ?= hybrid
PORT   ?= 8400
BIN    := $(VENV)/bin
PIP    := -m pip --disable-pip-version-check --quiet install

# What is typed: all that is here.
TYPED  := $(wildcard src tests bench examples)
# The floor is held by all tests but these: they are about other things, or start processes, which are not measured.
APART  := tests/browser tests/cli tests/decoder tests/docs tests/examples tests/packaging tests/repository tests/server \
          tests/stores tests/test_secrets.py
ALONE  := $(APART:%=--ignore=%) --ignore-glob='*crash*' --ignore-glob='*process*'
# What has to be covered whole.
FLOOR  := src/gatepass/core/*,src/gatepass/modes/*,src/gatepass/tokens.py,src/gatepass/keys/*

# Pyright comes bundled in its wheel. Said nothing about versions, it neither looks for a newer one nor fetches it.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export PYRIGHT_PYTHON_FORCE_VERSION :=
unexport PYRIGHT_PYTHON_PYLANCE_VERSION

.PHONY: help dev test soak mutants check static cover format bench smoke lock dist clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

# One virtual environment; a stamp file says which set of pins is in it.
$(VENV)/.made $(VENV)-bench/.made $(VENV)-mutants/.made:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON) here: install Python 3.11 or later, or name one with PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$$($(PYTHON) --version 2>&1) is too old: gatepass needs 3.11 or later, name one with PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: install python3-venv (Debian, Ubuntu: apt install python3-venv)" >&2; \
	  exit 2; }
	$(PYTHON) -m venv $(@D)
	@touch $@

$(VENV)/.server: requirements/server.txt requirements/build.txt pyproject.toml | $(VENV)/.made
	$(BIN)/python $(PIP) --require-hashes -r requirements/server.txt -r requirements/build.txt
	$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: requirements/test.txt pyproject.toml | $(VENV)/.made
	$(BIN)/python $(PIP) --require-hashes -r requirements/test.txt
	$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.check: requirements/check.txt | $(VENV)/.test
	$(BIN)/python $(PIP) --require-hashes -r requirements/check.txt
	@touch $@

$(VENV)-bench/.ready: requirements/bench.txt pyproject.toml | $(VENV)-bench/.made
	$(VENV)-bench/bin/python $(PIP) --require-hashes -r requirements/bench.txt
	$(VENV)-bench/bin/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)-mutants/.ready: requirements/mutants.txt pyproject.toml | $(VENV)-mutants/.made
	$(VENV)-mutants/bin/python $(PIP) --require-hashes -r requirements/mutants.txt
	$(VENV)-mutants/bin/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

dev: $(VENV)/.server  ## the server at http://127.0.0.1:8400 (PORT=8400, MODE=session, jwt or hybrid)
	@$(BIN)/gatepass dev --mode $(MODE) --port $(PORT)

# A file of tests stays in one process: what its fixtures start is started once.
test: $(VENV)/.test  ## every test, a process for each core
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

# Other inputs each time. It also fetches npm's jose, and is alone in that.
soak: $(VENV)/.test  ## what takes ten minutes: fuzzing, and tokens crossed with npm's jose as it is now
	$(BIN)/python -m pytest -m soak

# One at a time: each wipes the folder for temporary files. Ten minutes of work on one core.
mutants: $(VENV)-mutants/.ready  ## change the code that judges tokens, one thing at a time, and see whether a test notices
	rm -rf mutants
	nice $(VENV)-mutants/bin/mutmut run --max-children 1
	$(VENV)-mutants/bin/python tests/mutants/report.py

check: static cover  ## all that holds besides the tests: static, then cover

static: $(VENV)/.check  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(TYPED)
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-logo --no-cache

# Tracing makes tests two to three times slower, hence the longer limit for each.
cover: $(VENV)/.check  ## the coverage floor: core, modes, tokens and keys, every line and branch
	$(BIN)/coverage run -m pytest --quiet --timeout=120 $(ALONE)
	$(BIN)/coverage report
	$(BIN)/coverage report --show-missing --fail-under=100 --include='$(FLOOR)'

format: $(VENV)/.check  ## mend what a machine can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)-bench/.ready  ## how fast it is, beside its peers and its budget
	$(VENV)-bench/bin/python -m bench tokens
	$(VENV)-bench/bin/python -m bench core
	$(VENV)-bench/bin/python -m bench requests
	$(VENV)-bench/bin/python -m bench logins

smoke: $(VENV)-bench/.ready  ## that the bench runs, and that each of its sides accepts and refuses what it should
	$(VENV)-bench/bin/python -m bench tokens --smoke
	$(VENV)-bench/bin/python -m bench core --smoke
	$(VENV)-bench/bin/python -m bench requests --smoke
	$(VENV)-bench/bin/python -m bench logins --smoke

lock:  ## compile requirements/*.in into pins with hashes (needs uv)
	for name in build run cli fastapi server test check bench mutants; do \
	  uv pip compile --universal --python-version 3.11 --generate-hashes --quiet \
	    --no-emit-index-url --no-emit-find-links --no-header \
	    requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

dist: $(VENV)/.test  ## sdist, and the wheel made from it
	$(BIN)/python -m build --no-isolation

clean:  ## everything that was made, but the data in .gatepass/
	rm -rf $(VENV) $(VENV)-bench $(VENV)-mutants mutants build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
