# Everything runs in .venv, which is made with python3, pip and make alone.
PYTHON ?= python3
BIN := .venv/bin
# pyspark comes as source, which older versions of pip would build in a way that is to go.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 --require-hashes
.DEFAULT_GOAL := help

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

setup: .venv/.core ## make .venv and install what the scripts need

train: setup ## set up, then train on DATA_PATH or on the synthetic sample
	$(BIN)/python train.py

ui: setup ## open MLflow's pages on the model and its runs, at http://127.0.0.1:5000
	$(BIN)/python -m common.registry ui

serve: .venv/.serve ## set up, train on the sample if there is no champion, answer at http://127.0.0.1:8000
	$(BIN)/python -m common.registry show > /dev/null 2>&1 || $(BIN)/python train.py
	$(BIN)/python -m serving

test: .venv/.dev ## set up, then run the tests
	$(BIN)/python -m pytest -m "not slow"

test-slow: .venv/.dev ## set up, then run long simulations, kills at each step, upgrades
	$(BIN)/python -m pytest -m slow

lint: .venv/.dev ## check format, style, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv/.bench ## compare with scikit-learn, fastText and CatBoost on generated messages
	$(BIN)/python -m benchmarks.compare

cloud: .venv/.cloud ## add what reads and writes s3://, gs:// and https://

excel: .venv/.excel ## add what reads Excel files

apprise: .venv/.apprise ## add alerts through a hundred other services

spark: .venv/.spark ## add Spark, which needs Java 17 or newer

.venv/.core: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	@echo "Installing into .venv: about 1.2 GB on disk, most of it CatBoost, Arrow, SciPy and MLflow."
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) -r requirements.lock
	@touch $@

.venv/.dev: .venv/.core requirements-dev.lock
	$(INSTALL) -r requirements-dev.lock
	@touch $@

.venv/.apprise .venv/.bench .venv/.cloud .venv/.excel .venv/.serve .venv/.spark: .venv/.%: .venv/.core requirements-%.lock
	$(INSTALL) -r requirements-$*.lock
	@touch $@

.PHONY: help setup train ui serve test test-slow lint bench cloud excel apprise spark
