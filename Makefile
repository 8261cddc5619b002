# Every environment is created by the first target that needs it.
VENV ?= .venv
PYTHON ?= python3
RUN_DIR ?= runs/digits-$(shell date +%Y%m%d-%H%M%S)
BIN := $(VENV)/bin
# The other generations of Keras, experiment trackers, and the TPU compiler have their own
# environments.
TF_KERAS_VENV ?= .venv-tf-keras
TRACKERS_VENV ?= .venv-trackers
TF_2_15_VENV ?= .venv-tf-2.15
TPU_AOT_VENV ?= .venv-tpu-aot
# TensorFlow 2.15 needs Python 3.11 or older.
PYTHON_TF_2_15 ?= $(shell command -v python3.11 || echo $(PYTHON))
# tox finds the Pythons in PATH, and these.
PYENV_PYTHONS ?= $(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/3.1?.*/bin/python)
# A worker that has finished takes tests from the end of the other worker's list.
PYTEST := -m pytest -n 2 --dist worksteal
FAST := -m "not slow"
# Tests that depend on the generation of Keras.
FIT_TEST := test_fit_of_the_users_own_has_the_f1_of_all_workers_or_a_hint
KERAS_TESTS := $(addprefix tests/,callbacks trackers metrics package \
	distributed/test_multi_worker.py distributed/test_parameter_server.py \
	launching/test_launch.py::$(FIT_TEST) promises/test_invariance.py promises/test_old_formats.py \
	replicas/test_accumulator.py replicas/test_checkpoint.py replicas/test_reduction.py \
	tpu/test_checkpoint.py tpu/test_fit.py)
# Tests that depend on the version of TensorFlow. The others use NumPy only, start processes that
# do not depend on it, or run for tf-keras too.
CORE_TESTS := tests $(addprefix --ignore=tests/,benchmarks callbacks docs intervals jobs launching \
	pages plots trackers tpu/test_steps.py)
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: environments train test test-all test-browser test-tf-keras test-tf-2.15 test-trackers chaos chaos-hosts bench tpu tpu-aot lint types dist docs check clean

train: $(VENV)/train
	$(BIN)/dist-f1 train --config=configs/digits.py --run_dir=$(RUN_DIR)

# tests/README.md describes the tiers.
test: export HYPOTHESIS_PROFILE ?= fast
test: $(VENV)/dev
	$(BIN)/python $(PYTEST) $(FAST) $(ARGS)

test-all: $(VENV)/dev
	$(BIN)/python $(PYTEST) $(ARGS)

# Pages in Chromium, whose package of the distribution is needed, and so is that of chromedriver.
test-browser: $(VENV)/dev,browser
	DIST_F1_REQUIRE_BROWSER=1 $(BIN)/python -m pytest $(or $(ARGS),tests/pages/browser)

# Keras 2, as tf-keras on the newest TensorFlow.
test-tf-keras: $(TF_KERAS_VENV)/dev,tf-keras
	HYPOTHESIS_PROFILE=quick EXPECTED_KERAS=2. TF_USE_LEGACY_KERAS=1 \
		$(TF_KERAS_VENV)/bin/python $(PYTEST) $(or $(ARGS),$(FAST) $(KERAS_TESTS))

# TensorFlow 2.15, the oldest supported version, with its own Keras 2.
test-tf-2.15: $(TF_2_15_VENV)/dev,tf-2-15
	HYPOTHESIS_PROFILE=quick EXPECTED_KERAS=2.15. env -u TF_USE_LEGACY_KERAS \
		$(TF_2_15_VENV)/bin/python $(PYTEST) $(or $(ARGS),$(FAST) $(CORE_TESTS))

# Weights & Biases and MLflow, without a network. No test is skipped if a package is missing.
test-trackers: $(TRACKERS_VENV)/dev,trackers
	REQUIRE_TRACKERS=1 $(TRACKERS_VENV)/bin/python $(PYTEST) $(or $(ARGS),tests/trackers)

# Kills random workers of a training job, and compares the results with an uninterrupted job.
chaos: $(VENV)/dev
	$(BIN)/python tests/jobs/chaos.py $(ARGS)

# Disturbs hosts and links of a training job on several hosts, which are Linux namespaces.
chaos-hosts: $(VENV)/dev
	$(BIN)/python tests/jobs/host_chaos.py $(ARGS)

# The documentation site, in build/docs. Warnings are errors.
docs: $(VENV)/docs
	rm -rf build/docs
	$(BIN)/sphinx-build -q -E -W --keep-going -b html docs build/docs
	$(BIN)/python tests/docs/check_site.py build/docs

# Includes the other libraries if `pip install '.[bench]'` has installed them.
bench: $(VENV)/dev
	$(BIN)/python -m benchmarks $(ARGS)

# Traces steps for TPUs, lints their ops, and runs them on the CPU.
tpu: $(VENV)/dev
	PYTHONPATH=tests:tests/support $(BIN)/python -m tpu $(ARGS)

# Compiles steps with the TPU compiler. Exits with 77 (SKIPPED) if the compiler is unavailable.
tpu-aot: $(TPU_AOT_VENV)/installed
	PYTHONPATH=tests:tests/support $(TPU_AOT_VENV)/bin/python -m tpu_aot $(ARGS)

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/codespell
	PYTHONPATH=tests $(BIN)/python -m prose

types: $(VENV)/dev
	$(BIN)/mypy

# Builds the sdist, and from it the wheel. Compares both with the tracked files, and uses the wheel in
# an empty environment of each supported Python that is installed. DIST_ENVS=py: of this Python only.
dist: $(VENV)/release
	rm -rf dist build/tox dist_f1.egg-info/SOURCES.txt
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	$(BIN)/python tests/package/check_archives.py dist
	$(BIN)/tox run $(if $(DIST_ENVS),-e $(DIST_ENVS)) --installpkg dist/*.whl \
		$(if $(PYENV_PYTHONS),--discover $(PYENV_PYTHONS))
	rm -rf build/tox

check: lint types dist test

$(TF_2_15_VENV)/%: PYTHON := $(PYTHON_TF_2_15)

# The name of the file is the list of extras to install.
$(VENV)/train $(VENV)/dev $(VENV)/docs $(VENV)/release $(VENV)/dev,browser $(TF_KERAS_VENV)/dev,tf-keras $(TF_2_15_VENV)/dev,tf-2-15 \
		$(TRACKERS_VENV)/dev,trackers: pyproject.toml
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check -e '.[$(@F)]'
	touch $@

$(TPU_AOT_VENV)/installed: tests/tpu_aot/requirements.txt pyproject.toml
	{ test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D); } && \
		$(@D)/bin/pip install --quiet --disable-pip-version-check -r $< && \
		$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps -e . || \
		{ echo "SKIPPED: $(PYTHON) cannot install $<."; exit 77; }
	touch $@

# The environments of the other generations of Keras, and of trackers.
environments: $(TF_KERAS_VENV)/dev,tf-keras $(TF_2_15_VENV)/dev,tf-2-15 $(TRACKERS_VENV)/dev,trackers

clean:
	rm -rf $(VENV) $(TF_KERAS_VENV) $(TF_2_15_VENV) $(TRACKERS_VENV) $(TPU_AOT_VENV) build dist *.egg-info
