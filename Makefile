# Each target sets up .venv from the lock of the running Python; nothing needs to be installed before.
PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
LOCK := locks/python$(VERSION).txt
BIN := .venv/bin
READY := .venv/ready-$(VERSION)
TOOLS := .venv/tools-$(VERSION)
# Modules are compiled when they are first imported, which is sooner than all of them now.
INSTALL = $(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check --constraint $(LOCK) --editable
SEEDS ?= 10
OUT ?= runs/posted-price-pi

.PHONY: docs train test test-all lint bench bench-leaders reproduce reproduce-quick lock clean dist
.DEFAULT_GOAL := train

train: $(READY)
	$(BIN)/stackjax train posted-price-pi --seeds $(SEEDS) --out $(OUT) --overwrite

test: $(TOOLS)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long"

# The experiments' short version, all tests with fresh instances of properties, and that every error message was met by some test.
test-all: $(TOOLS) reproduce-quick
	rm -rf .cache/said && mkdir -p .cache/said
	INSTANCES=fresh SAID=.cache/said $(BIN)/python -m pytest -n 2 --dist worksteal
	$(BIN)/python -m tests.said .cache/said

lint: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The documentation, built strictly into runs/site.
docs: $(TOOLS)
	$(INSTALL) '.[docs]'
	$(BIN)/python docs/make_api.py
	$(BIN)/mkdocs build --strict

# A wheel and a source archive, into dist/.
dist: $(TOOLS)
	$(BIN)/python -m build --outdir dist

bench: $(TOOLS)
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/equilibration.py
	$(BIN)/python benchmarks/planning.py
	$(BIN)/python benchmarks/menus.py
	$(BIN)/python benchmarks/security.py
	$(BIN)/python benchmarks/extensive.py
	$(BIN)/python benchmarks/large.py --games 2 --repeats 3
	$(BIN)/python benchmarks/leaders.py --problems independent at-odds bayesian --sizes 8 --instances 1

bench-leaders: $(TOOLS)
	$(BIN)/python benchmarks/leaders.py

reproduce: $(TOOLS)
	$(BIN)/python experiments/reproduce.py --seeds $(SEEDS)

reproduce-quick: $(TOOLS)
	XLA_FLAGS="$$($(BIN)/python tests/quick_flags.py)" $(BIN)/python experiments/reproduce.py --quick --out runs/reproduce-quick/results --runs runs/reproduce-quick/runs

$(READY): pyproject.toml $(LOCK)
	$(PYTHON) -m venv --clear .venv
	$(INSTALL) .
	touch $@

# What tests, benchmarks and pages need besides.
$(TOOLS): $(READY)
	$(INSTALL) '.[dev]'
	touch $@

$(LOCK):
	@echo "stackjax needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is $(VERSION); try make PYTHON=python3.12" >&2; exit 1

# Resolve again for the running Python, in a fresh environment.
lock:
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet --editable '.[dev]'
	.venv-lock/bin/python -m pip freeze --exclude-editable > $(LOCK)
	rm -rf .venv-lock

clean:
	rm -rf .venv .cache runs
