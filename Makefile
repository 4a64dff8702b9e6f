# Each target sets up all it needs: `make demo` and `make test` start from nothing but Python.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test faults fuzz mutants check format docs bench licences install clean
.DEFAULT_GOAL := help

help:
	@echo "make demo     train five losses on the bundled data and write runs/demo/report.html"
	@echo "make test     run the checks, then the test suite"
	@echo "make faults   kill, starve and stop the verbs some hundreds of times (up to half an hour)"
	@echo "make fuzz     200,000 damaged inputs for each reader (Linux, an hour or two)"
	@echo "make mutants  make 11,000 small changes to the sources and list those no test notices (many hours; resumes)"
	@echo "make check    check format, lint, types, import layers"
	@echo "make format   let ruff rewrite the code"
	@echo "make docs     build the documentation in site/"
	@echo "make licences list the dependencies and their licences"
	@echo "make bench    time losses, metrics, images and grids against rivals"
	@echo "make install  make .venv with everything in it"
	@echo "make clean    remove .venv and caches"

# torch comes first and pinned: an unpinned one would bring gigabytes of CUDA where only a CPU is there.
NATIVE := CMakeLists.txt $(wildcard src/lopsided/*/native/* src/lopsided/*/*/native/*)

$(READY): pyproject.toml constraints.txt tools/allow_cpu_torchvision.py $(NATIVE)
	@echo "Installing into $(VENV) (a few minutes the first time) ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python tools/allow_cpu_torchvision.py
	@touch $(READY)

install: $(READY)

demo: $(READY)
	$(BIN)/lopsided demo

test: check
	$(BIN)/python -m pytest

faults: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 0 -s -m "on_demand or not on_demand" tests/faults

fuzz: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[fuzz]'
	$(BIN)/python -m tests.fuzz --runs 200000

mutants: $(READY)
	$(BIN)/python -m tools.mutants

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python tools/audit_dependencies.py

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "open site/index.html"

bench: $(READY)
	$(BIN)/python benchmarks/losses.py
	$(BIN)/python benchmarks/metrics.py
	$(BIN)/python benchmarks/images.py
	$(BIN)/python benchmarks/draw.py
	$(BIN)/python benchmarks/grid.py

licences: $(READY)
	$(BIN)/python tools/licences.py

clean:
	rm -rf $(VENV) site .pytest_cache .ruff_cache .import_linter_cache
