# Needs Python 3.11 or newer and make. Everything else is fetched, held to its hash, into .venv and node_modules.
# The tests compile one package of theirs: they need a C++ compiler and Python's headers (Debian: g++, python3-dev), too.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/stamps
SEED   ?= 20261122

# A private npm or pip setting must not send an install elsewhere than into this folder.
export PIP_USER := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

INSTALL := $(BIN)/python -m pip install --quiet
EDITABLE := $(INSTALL) --no-deps --no-build-isolation --editable .

.PHONY: help setup demo test shop lint lock clean

help:
	@echo "make demo    set up everything, load the demo brand, serve it and print sign-in links (ARGS=… is passed on)"
	@echo "make test    set up everything, run the whole suite (ARGS=… is passed on to pytest)"
	@echo "make setup   set up only; .venv/bin/goodword works afterwards"
	@echo "make lint    ruff, mypy, import rules, locks up to date"
	@echo "make lock    resolve the lock files anew from pyproject.toml and package.json"
	@echo "make clean   remove everything that make made; ./instance, where data lives, stays"

setup: $(STAMPS)/base $(STAMPS)/assets

demo: setup
	$(BIN)/goodword demo $(ARGS)

test: setup $(STAMPS)/dev
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -n 4 --dist worksteal -p randomly --randomly-seed=$(SEED) $(ARGS)

# Fetched by the tests that need it as well; sooner is quicker.
shop: $(STAMPS)/npm
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.support.vendure

lint: setup $(STAMPS)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python requirements/lock.py --check

lock: $(STAMPS)/dev
	$(BIN)/python requirements/lock.py $(ARGS)
	PATH="$(CURDIR)/$(BIN):$$PATH" npm install --package-lock-only --ignore-scripts

clean:
	rm -rf $(VENV) node_modules web/static/vendor build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache test-results
	find engine plugins web migrations tests requirements -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"Goodword needs Python 3.11 or newer; $(PYTHON) is older. Name another one: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python could not make $(VENV). On Debian: apt-get install python3-venv"; exit 1; }
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/base: requirements/base.txt pyproject.toml | $(STAMPS)/venv
	@echo "Installing what Goodword runs on …"
	@$(INSTALL) --require-hashes -r requirements/base.txt
	@$(EDITABLE)
	@touch $@

$(STAMPS)/dev: requirements/dev.txt | $(STAMPS)/base
	@echo "Installing what the tests and checks need …"
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

# The machine's own Node where it is new enough, else the one from the locked wheel.
$(STAMPS)/npm: package.json package-lock.json requirements/node.txt | $(STAMPS)/venv
	@echo "Fetching the front-end files …"
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && npm --version >/dev/null 2>&1 \
		|| $(INSTALL) --require-hashes -r requirements/node.txt
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/assets: $(STAMPS)/npm web/assets.py web/static/icons.txt | $(STAMPS)/base
	@$(BIN)/python -m web.assets
	@touch $@
