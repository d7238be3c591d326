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

# The C core needs a C compiler. A machine without one gets zig's, which comes as a Python package.
COMPILER := $(shell command -v $${CC:-cc} || command -v gcc || command -v clang)
ZIG := ziglang==0.17.1
ZIG_TOOLS := $(VENV)/compiler

# The C core is rebuilt when one of these changes.
NATIVE_SOURCES := $(wildcard edgedf/native/CMakeLists.txt edgedf/native/cmake/*.cmake edgedf/native/include/edgedf/*.h edgedf/native/src/*.c edgedf/native/src/*/*)

.PHONY: bench-native help setup demo demo-tickets test fuzz check format lock bench clean
help: ## Show this list.
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(STAMP) ## Make .venv with everything in requirements.lock.

$(STAMP): requirements.lock pyproject.toml $(NATIVE_SOURCES)
	@test -n "$(PYTHON)" || { echo "error: needs Python 3.12 or 3.13; install one or set PYTHON=/path/to/python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) pip sync -q requirements.lock
	@if [ -n "$(COMPILER)" ]; then exit 0; fi; echo "no C compiler found; the C core is built with zig's, from a Python package" >&2; \
	  $(UV) pip install -q $(ZIG) && mkdir -p $(ZIG_TOOLS) && for tool in cc c++ ar ranlib; do \
	    printf '#!/bin/sh\nexec "%s" -m ziglang %s "$$@"\n' "$(CURDIR)/$(BIN)/python" $$tool >$(ZIG_TOOLS)/$$tool && chmod +x $(ZIG_TOOLS)/$$tool || exit 1; done
	$(if $(COMPILER),,PATH="$(CURDIR)/$(ZIG_TOOLS):$$PATH" CC=cc )$(UV) pip install -q --no-deps --no-build-isolation -e .
	@touch $@

lock: setup ## Make requirements.lock again from requirements.in.
	$(LOCK) requirements.in -o requirements.lock

demo/faces/index.json: | setup
	$(BIN)/edgedf data synth demo/faces --train 4000 --validation 600 --test 1200

demo-tickets: setup demo/faces/index.json ## Synthetic faces, then tickets from them (edgedf train --recipe demo).
	$(BIN)/edgedf train demo/faces --recipe demo --out demo/run

demo: demo-tickets ## Synthetic faces, tickets, every artifact through the gate, and a page about it all.
	$(BIN)/edgedf build demo/run --target all
	$(BIN)/edgedf report demo/run

test: setup ## Run the tests, on two cores.
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

CROPS ?= 20000
fuzz: setup ## COUNT=1000000 mutated tickets and bundles (each a named error or an unchanged result), CROPS=20000 crops against Pillow.
	$(if $(wildcard /dev/shm/.),TMPDIR=/dev/shm )$(BIN)/python -m tests.fuzz_files --count $(if $(filter file default,$(origin COUNT)),1000000,$(COUNT)) --seed 1
	$(BIN)/python tests/native/crop_property.py --count $(CROPS)

bench: bench-crop bench-native ## Every benchmark; none of them is a test.

check: setup ## Lint, types, import rules.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Format the code and fix what can be fixed.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove the set-up, what was compiled, and demo/. Your own runs stay.
	rm -rf $(VENV) build demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: bench-int8
bench-int8: setup ## Time int8 arithmetic beside float32 on edgedf's engine, LiteRT and ExecuTorch, one thread.
	$(BIN)/python bench/native_int8.py

bench-native: setup ## Time the sparse engine beside LiteRT and ExecuTorch, one thread.
	$(BIN)/python bench/native.py

# The C core. CMake, Ninja and the compiler flags are those of the installed library.
CMAKE := $(BIN)/cmake -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja -DEDGEDF_STRICT=ON -S edgedf/native
COUNT ?= 20000
FUZZ_RUNS ?= 100000

.PHONY: native edgedf-run asan fuzz-native fuzz-crop bench-crop test-arm64
native: setup ## Build the C core after a change to its sources.
	@command -v "$${CC:-cc}" >/dev/null || { echo "error: no C compiler; install gcc or clang, or set CC" >&2; exit 3; }
	$(CMAKE) -B build/native -DEDGEDF_PYTHON=ON
	$(BIN)/cmake --build build/native
	$(BIN)/cmake --install build/native --prefix .

edgedf-run: setup ## Build the command-line program build/run/edgedf-run and print its size.
	$(CMAKE) -B build/run -DEDGEDF_PROGRAMS=ON
	$(BIN)/cmake --build build/run --target edgedf-run
	@wc -c build/run/edgedf-run

asan: setup ## The C core under AddressSanitizer and UBSan: vectors, random crops and fuzz corpora.
	$(CMAKE) -B build/asan -DEDGEDF_PROGRAMS=ON -DEDGEDF_SANITIZE=address,undefined -DCMAKE_BUILD_TYPE=RelWithDebInfo
	$(BIN)/cmake --build build/asan
	build/asan/crop_vectors tests/golden/crop_vectors.txt
	build/asan/crop_random 400
	for target in edgedf/native/fuzz/corpus/*/; do name=$$(basename $$target); build/asan/fuzz_$$name $$target* || exit 1; done

fuzz-native: setup ## libFuzzer on every entry point of the C core, FUZZ_RUNS=100000 runs each; needs clang.
	@command -v clang >/dev/null || { echo "error: NOT RUN: needs clang with its runtime libraries" >&2; exit 3; }
	CC=clang $(CMAKE) -B build/fuzz -DEDGEDF_FUZZ=ON -DEDGEDF_SANITIZE=address,undefined -DCMAKE_BUILD_TYPE=RelWithDebInfo
	$(BIN)/cmake --build build/fuzz
	for source in edgedf/native/fuzz/fuzz_*.c; do name=$$(basename $$source .c); corpus=edgedf/native/fuzz/corpus/$${name#fuzz_}; \
	  mkdir -p build/fuzz/found/$$name $$corpus; \
	  build/fuzz/$$name -runs=$(FUZZ_RUNS) -artifact_prefix=build/fuzz/found/$$name/ -print_final_stats=1 build/fuzz/found/$$name $$corpus || exit 1; done

fuzz-crop: setup ## COUNT=20000 random crops, bit-equal to Pillow.
	$(BIN)/python tests/native/crop_property.py --count $(COUNT)

bench-crop: setup ## Time one crop beside Pillow and OpenCV.
	$(BIN)/python bench/crop.py

ARM64 := build/arm64
.PHONY: test-arm64-core test-arm64-runtimes
test-arm64: test-arm64-core test-arm64-runtimes ## On arm64 under qemu: crop bytes, engine bits, and a bundle's goldens on LiteRT and ExecuTorch.

test-arm64-core: setup
	@command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64-static >/dev/null || { echo "NOT RUN: needs gcc-aarch64-linux-gnu and qemu-user-static" >&2; exit 3; }
	$(CMAKE) -B $(ARM64)/core -DEDGEDF_PROGRAMS=ON -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc
	$(BIN)/cmake --build $(ARM64)/core --target crop_vectors crop_random
	qemu-aarch64-static -L /usr/aarch64-linux-gnu $(ARM64)/core/crop_vectors tests/golden/crop_vectors.txt
	qemu-aarch64-static -L /usr/aarch64-linux-gnu $(ARM64)/core/crop_random 600
	$(BIN)/pytest tests/native/test_model_arm64.py

# The artifacts of the demo ticket; arm64 Python and wheels are fetched once.
test-arm64-runtimes: setup
	PYTHON=$(CURDIR)/$(BIN)/python tests/arm64/fetch.sh $(ARM64)
	PYTHON=$(CURDIR)/$(BIN)/python tests/arm64/build_runner.sh $(ARM64)
	rm -rf $(ARM64)/demo.edgedf
	$(BIN)/edgedf build edgedf/assets/demo-ticket.safetensors --target tflite --target executorch --crops 90 --out $(ARM64)/demo.edgedf
	$(BIN)/python -m tests.arm64.check $(ARM64) $(ARM64)/demo.edgedf
