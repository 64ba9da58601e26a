# The developer's interface. `make help` lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# Extra pip options for torch alone, e.g. an index of CPU or CUDA builds.
TORCH_FLAGS ?=
# Processes that share the tests; each takes about 1.5 GB.
TEST_WORKERS ?= 2
# Where benchmarks write their results.
RUNS   := runs/bench

PYTEST := $(BIN)/pytest -n $(TEST_WORKERS) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-gpu test-oldest coverage lint type arch check docs package
.PHONY: bench bench-gpu fuzz soak clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv with everything the project needs, at pinned versions

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH_FLAGS) $$(grep '^torch==' constraints.txt)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup ## the main job: fetch weights, render a clip, track it, score it, write the overlay
	$(BIN)/persam-vos demo --output demo --overwrite

test: setup ## the tests that need no GPU, but for those that take long
	$(PYTEST) -m "not gpu and not slow"

test-slow: setup ## the tests that take long, such as every command of the documents
	$(PYTEST) --dist load --maxschedchunk 1 -m "slow and not gpu"

test-gpu: setup ## the tests that need a CUDA device; they fail without one
	PERSAM_VOS_REQUIRE_GPU=1 $(BIN)/pytest -m gpu

# Tools of the tests come at their pinned versions; torch too, which is too large to be had twice.
OLDEST := .venv-oldest
OLDEST_ROOMS := arch backends cli datasets demo evaluation files media scoring stages weights

test-oldest: setup ## a part of the tests, with the oldest dependencies that pyproject.toml allows
	$(PYTHON) -m venv --clear $(OLDEST)
	$(OLDEST)/bin/pip install --quiet --disable-pip-version-check --no-deps $(TORCH_FLAGS) $$(grep '^torch==' constraints.txt)
	grep '^torch==' constraints.txt > $(OLDEST)/torch.txt
	$(BIN)/uv pip install --quiet --python $(OLDEST) --resolution lowest-direct -c $(OLDEST)/torch.txt \
		-e '.[demo]' 'onnxruntime>=1.18' $$(grep -E '^pytest(-timeout)?==' constraints.txt)
	$(OLDEST)/bin/pytest -m "not gpu and not slow" -W default $(addprefix tests/,$(OLDEST_ROOMS))

coverage: setup ## the tests of `make test`, and which lines and branches they reach
	$(PYTEST) -m "not gpu and not slow" --cov --cov-report=term:skip-covered

lint: setup ## ruff: style, imports, docstrings, complexity
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: setup ## mypy, strict
	$(BIN)/mypy

arch: setup ## import contracts, and the budgets of size and complexity
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -q tests/arch

check: lint type arch test ## everything that guards the project

docs: setup ## build the documents into site/; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

package: setup ## build sdist and wheel, check them, install the wheel elsewhere and track with it
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*
	$(BIN)/python tests/package/check_wheel.py dist

BENCH = $(BIN)/python -m benchmarks.$(1) --output $(RUNS)/$(1)$(2).json

bench: setup ## the CPU benchmarks, in less than 10 minutes (see benchmarks/README.md)
	$(call BENCH,fit)
	$(call BENCH,speed) --device cpu --frames 12 --repeats 2 --fit-epochs 20
	$(call BENCH,stages) --device cpu --repeats 3
	$(call BENCH,memory_use) --device cpu --frames 100 300 --object-frames 10

bench-gpu: setup ## the GPU benchmarks, also of vit-b, vit-l and vit-h with random weights
	$(call BENCH,speed,-gpu) --device cuda --fit-epochs 200
	$(call BENCH,stages,-gpu) --device cuda --repeats 20 --weights-random vit-b vit-l vit-h
	$(call BENCH,memory_use,-gpu) --device cuda
	$(call BENCH,throughput,-gpu) --device cuda --weights-random vit-h

fuzz: setup ## damaged files of every kind through the command line, for ten minutes (FUZZ="--seconds 60")
	$(BIN)/python -m benchmarks.fuzz --workers 2 --seconds 600 $(FUZZ)

soak: setup ## 20,000 frames with objects that come and go: is all flat? Takes a quarter of an hour
	$(BIN)/python -m benchmarks.soak

clean: ## remove what make made
	rm -rf $(VENV) $(OLDEST) demo build dist site *.egg-info .coverage
