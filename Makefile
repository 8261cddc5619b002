# Everything runs in an environment of its own, made at the first use.
VENV ?= .venv
PYTHON ?= python3
RUN_DIR ?= runs/digits-$(shell date +%Y%m%d-%H%M%S)
BIN := $(VENV)/bin
# The other generations of Keras have environments of their own.
TF_KERAS ?= .venv-tf-keras
TF_2_15 ?= .venv-tf-2.15
# So has the compiler for TPUs, which goes with one TensorFlow.
TPU_AOT ?= .venv-tpu-aot
# TensorFlow 2.15 runs on Python 3.11 at most.
PYTHON_TF_2_15 ?= $(shell command -v python3.11 || echo $(PYTHON))
# In their order, which begins with the files that take longest.
PYTEST := -m pytest -n 2 --dist loadfile --no-loadscope-reorder
# What depends on the generation of Keras,
FIT := test_fit_of_the_users_own_has_the_f1_of_all_workers_or_a_hint
KERAS := tests/callbacks tests/launching/test_launch.py::$(FIT) \
	tests/distributed/test_multi_worker.py tests/distributed/test_parameter_server.py \
	tests/metrics tests/replicas/test_accumulator.py \
	tests/replicas/test_checkpoint.py tests/promises/test_invariance.py tests/package \
	tests/replicas/test_reduction.py tests/tpu/test_checkpoint.py tests/tpu/test_fit.py
# and on that of TensorFlow: not the jobs, the benchmarks, the documents, what is NumPy alone, the callbacks,
# which are those of tf-keras, and every metric's graph for a TPU once more.
CORE := tests $(addprefix --ignore=tests/,benchmarks callbacks jobs launching docs \
	intervals pages plots tpu/test_emulated.py tpu/test_loops.py)
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: train test chaos bench test-tf-keras test-tf-2.15 tpu tpu-aot lint types wheel check clean

train: $(VENV)/train
	$(BIN)/dist-f1 train --config=configs/digits.py --run_dir=$(RUN_DIR)

test: $(VENV)/dev
	$(BIN)/python $(PYTEST) $(ARGS)

# Keras 2, as tf-keras on the newest TensorFlow.
test-tf-keras: $(TF_KERAS)/dev,tf-keras
	HYPOTHESIS_PROFILE=quick EXPECTED_KERAS=2. TF_USE_LEGACY_KERAS=1 \
		$(TF_KERAS)/bin/python $(PYTEST) $(or $(ARGS),$(KERAS))

# TensorFlow 2.15, the oldest supported one, and its own Keras 2.
test-tf-2.15: $(TF_2_15)/dev,tf-2-15
	HYPOTHESIS_PROFILE=quick EXPECTED_KERAS=2.15. env -u TF_USE_LEGACY_KERAS \
		$(TF_2_15)/bin/python $(PYTEST) $(or $(ARGS),$(CORE))

# Kills workers of a training job at random, and compares its results to one that was left alone.
chaos: $(VENV)/dev
	$(BIN)/python tests/jobs/chaos.py $(ARGS)

# Also of the libraries that ours is compared with, as far as `pip install '.[bench]'` has been done.
bench: $(VENV)/dev
	$(BIN)/python -m benchmarks $(ARGS)

# What steps become under TPUStrategy: traced, linted, and run on the CPU.
tpu: $(VENV)/dev
	PYTHONPATH=tests:tests/support $(BIN)/python -m tpu $(ARGS)

# Compiles steps with the compiler for TPUs, without one. SKIPPED and exit code 77: it is not to be had.
tpu-aot: $(TPU_AOT)/installed
	PYTHONPATH=tests:tests/support $(TPU_AOT)/bin/python -m tpu_aot $(ARGS)

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/dev
	$(BIN)/mypy

# The wheel holds what the package needs: it is imported from elsewhere, without the sources.
wheel: $(VENV)/dev
	rm -rf build dist
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .
	$(BIN)/python tests/package/check_wheel.py dist/*.whl

check: lint types wheel test

$(TF_2_15)/%: PYTHON := $(PYTHON_TF_2_15)

# The name of the file is that of the extras which are installed.
$(VENV)/train $(VENV)/dev $(TF_KERAS)/dev,tf-keras $(TF_2_15)/dev,tf-2-15: pyproject.toml
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check -e '.[$(@F)]'
	touch $@

$(TPU_AOT)/installed: tests/tpu_aot/requirements.txt pyproject.toml
	{ test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D); } && \
		$(@D)/bin/pip install --quiet --disable-pip-version-check -r $< && \
		$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps -e . || \
		{ echo "SKIPPED: $< cannot be installed by $(PYTHON)."; exit 77; }
	touch $@

clean:
	rm -rf $(VENV) $(TF_KERAS) $(TF_2_15) $(TPU_AOT) build dist *.egg-info
