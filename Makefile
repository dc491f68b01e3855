# `make verify` sets everything up and runs the main job; `make test` sets up and passes the tests.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: verify test lint docs installed nightly clean

verify: $(VENV)/ready
	$(BIN)/fa-ref verify $(ARGS)

test: $(VENV)/ready
	$(BIN)/python -m pytest -n 2 $(ARGS)

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Nightly tests, matrix, mutants, coverage, repetitions; ARGS="--only tests" for some of it.
nightly: $(VENV)/ready
	$(BIN)/python tests/nightly/run.py $(ARGS)

docs: $(VENV)/docs
	$(BIN)/sphinx-build -W --keep-going -q docs docs/_build/html
	@echo "the site is docs/_build/html/index.html"

# The wheel in a fresh environment, used from another folder.
installed: $(VENV)/ready
	tests/installed.sh $(PYTHON)

$(VENV)/docs: $(VENV)/ready
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[docs]"
	@touch $@

$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fa-ref: Python 3.11 or newer is needed; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[test,rigorous,lab]"
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info fa-ref-report docs/_build docs/reference/generated docs/gallery/generated
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
