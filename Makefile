# Each target sets up its own .venv from the lock of the running Python; nothing needs to be installed before.
PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
LOCK := locks/python$(VERSION).txt
BIN := .venv/bin
READY := .venv/ready-$(VERSION)
SEEDS ?= 10
OUT ?= runs/posted-price-pi

.PHONY: docs train test test-fast test-all lint bench bench-leaders reproduce reproduce-quick lock clean
.DEFAULT_GOAL := train

train: $(READY)
	$(BIN)/stackjax train posted-price-pi --seeds $(SEEDS) --out $(OUT) --overwrite

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long"

test-fast: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long and not slow"

test-all: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/equilibration.py
	$(BIN)/python benchmarks/planning.py
	$(BIN)/python benchmarks/menus.py
	$(BIN)/python benchmarks/leaders.py --problems independent at-odds bayesian --sizes 8 --instances 1

bench-leaders: $(READY)
	$(BIN)/python benchmarks/leaders.py

reproduce: $(READY)
	$(BIN)/python experiments/reproduce.py --seeds $(SEEDS)

reproduce-quick: $(READY)
	XLA_FLAGS="$$($(BIN)/python tests/quick_flags.py)" $(BIN)/python experiments/reproduce.py --quick --out runs/reproduce-quick/results --runs runs/reproduce-quick/runs

$(READY): pyproject.toml $(LOCK)
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(LOCK) --editable '.[dev]'
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

# The documentation, built strictly into runs/site, in an environment of its own.
docs: pyproject.toml
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	.venv-docs/bin/python docs/make_api.py
	.venv-docs/bin/mkdocs build --strict
