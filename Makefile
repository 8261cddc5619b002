# Everything runs in an environment of its own, made at the first use.
VENV ?= .venv
PYTHON ?= python3
RUN_DIR ?= runs/digits-$(shell date +%Y%m%d-%H%M%S)
BIN := $(VENV)/bin
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: train test lint types wheel check clean

train: $(VENV)/train
	$(BIN)/dist-f1 train --config=configs/digits.py --run_dir=$(RUN_DIR)

test: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev
	$(BIN)/mypy

# The wheel holds what the package needs: it is imported from elsewhere, without the sources.
wheel: $(VENV)/dev
	rm -rf build dist
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .
	$(BIN)/python tests/check_wheel.py dist/*.whl

check: lint types wheel test

$(VENV)/train $(VENV)/dev: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[$(@F)]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
