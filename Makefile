# Everything a developer does. `make demo` and `make test` set up what they need by themselves.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.12 python3.13 python3; do $$p -c 'import sys; sys.exit(not (3, 12) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)
STAMP := $(VENV)/.edgedf-setup
UV := $(BIN)/uv
UV_VERSION := $(shell sed -n 's/^uv==//p' requirements.lock)
LOCK := $(UV) pip compile -q --universal --python-version 3.12 --override requirements.override --no-header --no-annotate

# The C core is rebuilt when one of these changes.
NATIVE_SOURCES := $(wildcard edgedf/native/CMakeLists.txt edgedf/native/cmake/*.cmake edgedf/native/include/edgedf/*.h edgedf/native/src/*.c edgedf/native/src/*/*)

.PHONY: bench-native help setup demo demo-tickets test check format lock bench clean
help: ## Show this list.
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(STAMP) ## Make .venv with everything in requirements.lock.

$(STAMP): requirements.lock pyproject.toml $(NATIVE_SOURCES)
	@test -n "$(PYTHON)" || { echo "error: needs Python 3.12 or 3.13; install one or set PYTHON=/path/to/python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) pip sync -q requirements.lock
	$(UV) pip install -q --no-deps --no-build-isolation -e .
	@touch $@

lock: setup ## Make requirements.lock again from requirements.in.
	$(LOCK) requirements.in -o requirements.lock

demo/faces/index.json: | setup
	$(BIN)/edgedf data synth demo/faces --train 3000 --validation 600 --test 1200

demo-tickets: setup demo/faces/index.json ## Synthetic faces, then tickets from them (edgedf train --recipe demo).
	$(BIN)/edgedf train demo/faces --recipe demo --out demo/run

test: setup ## Run the tests.
	$(BIN)/pytest

check: setup ## Lint, types, import rules.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Format the code and fix what can be fixed.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove everything that a command can make again.
	rm -rf $(VENV) build runs demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

bench-native: setup ## Time the sparse engine beside LiteRT and ExecuTorch, one thread.
	$(BIN)/python bench/native.py
