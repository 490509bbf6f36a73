# make setup needs only python3 (>= 3.11), pip and a network. Everything else here calls it first.

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed
# The first interpreter that is new enough, else python3, whose version the check below explains.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; \
	done; echo python3)
# Without an NVIDIA driver the CPU build of torch is enough and 2 GB smaller.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
PYTEST_ARGS ?=
TEST_PROCESSES ?= $(shell $(PYTHON) -c 'import os; print(min(8, 2 * (os.cpu_count() or 1)))')

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test lint bench clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP)  ## make .venv with everything that the targets below need (once)

$(STAMP): pyproject.toml
	@PYTHON='$(PYTHON)' TORCH_INDEX='$(TORCH_INDEX)' sh .ci/setup $(VENV)
	@touch $@

demo: $(STAMP)  ## compare regularizers over HTTP, end to end, in about a minute
	@sh examples/demo.sh

serve: $(STAMP)  ## API and one worker on http://127.0.0.1:8000, data in ./occam-data
	@$(BIN)/occam serve

# One torch thread each, since the processes already use all cores; two processes a core, since
# many tests wait for a service. conftest.py keeps tests that share a service together.
# Compiled modules are kept, since hundreds of processes import the same. Coverage costs half as
# much again: PYTEST_ARGS=--cov.
test: $(STAMP)  ## the whole suite, in parallel
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(TEST_PROCESSES) \
		$(PYTEST_ARGS)

lint: $(STAMP)  ## ruff, mypy --strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)  ## Occam beside plain PyTorch and the peers that install; prints two tables
	$(BIN)/python -m pip install --quiet -e '.[bench]' || echo "some peers did not install; going on"
	$(BIN)/python -m benchmarks.sweep
	$(BIN)/python -m benchmarks.service

clean:  ## remove what was built and cached; keeps .venv and occam-data
	rm -rf build dist *.egg-info .coverage .coverage.* coverage.xml .pytest_cache .mypy_cache \
		.ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
