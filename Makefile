# Everything runs in .venv, which is made with python3, pip and make alone.
PYTHON ?= python3
BIN := .venv/bin
EXTRAS := dev apprise bench cloud excel language neural notebook postgres scrape serve spark transformer
# pyspark comes as source, which older versions of pip would build in a way that is to go.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 --require-hashes
comma := ,
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Extras that are there are renewed as well: the lock files agree with each other, those of two releases need not.
setup: .venv/.core $(wildcard $(addprefix .venv/.,$(EXTRAS)) .venv-flows/.flows) ## make .venv and install what the scripts need, or renew it

train: setup ## set up, then train on DATA_PATH or on the synthetic sample
	$(BIN)/python train.py

ui: setup ## open MLflow's pages on the model and its runs, at http://127.0.0.1:5000
	$(BIN)/python -m common.registry ui

# Not after another failure: a server of MLflow that is down for a moment is not to get a model of the sample.
serve: .venv/.serve ## set up, train on the sample if there is no champion, answer at http://127.0.0.1:8000
	@said=$$($(BIN)/python -m common.registry show 2>&1 > /dev/null) || case $$said in \
	    *"no champion yet: "* | *"no model yet: "*) echo "$(BIN)/python train.py" && $(BIN)/python train.py ;; \
	    *) printf '%s\n' "$$said" >&2 && exit 1 ;; \
	esac
	$(BIN)/python -m serving

notebook: .venv/.notebook ## run docs/tutorials/explore.ipynb, and write what it shows to explore.html
	$(BIN)/jupyter-nbconvert --execute --to html --output-dir . docs/tutorials/explore.ipynb

flow: setup .venv-flows/.flows ## set up Prefect beside it, run daily and weekly, show it at http://127.0.0.1:4200
	.venv-flows/bin/python -m flows

test: .venv/.dev ## set up, then run the tests
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow and not images"

test-slow: .venv/.dev ## set up, then run long simulations, kills at each step, upgrades
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

image-test: .venv/.dev ## build the image, run it hardened, play compose and Kubernetes files (Debian 12, root)
	tests/images/containers.sh setup base
	$(BIN)/python -m pytest -n0 -m images $(or $(ONLY),tests/images)

SECRETS := $(addprefix deploy/secrets/,postgres_password serve_tokens prefect_login)
secrets: $(SECRETS) ## make random passwords for deploy/compose.yaml, where there are none yet

deploy/secrets/serve_tokens: before := page classify$(comma)feedback # with a blank behind it
deploy/secrets/prefect_login: before := admin:
# Users of the containers read the files, which nobody else reaches: the folder is its owner's.
$(SECRETS):
	@mkdir -p -m 700 deploy/secrets
	@$(PYTHON) -c "import secrets; print('$(before)' + secrets.token_hex(24))" > $@
	@chmod 644 $@

lock: .venv/.dev ## bring the lock files in line with pyproject.toml; UPGRADE=yes takes the newest versions
	$(BIN)/python .ci/lock $(if $(UPGRADE),--upgrade)

audit: .venv/.dev ## look up what is known against the packages of the lock files
	for lock in requirements*.lock flows/requirements.lock; do $(BIN)/pip-audit --require-hashes --disable-pip --requirement $$lock || exit 1; done

sbom: .venv/.dev ## write the bill of materials of the image, dist/sbom.cdx.json
	@mkdir -p dist
	cat requirements.lock requirements-cloud.lock requirements-excel.lock requirements-language.lock requirements-postgres.lock requirements-serve.lock > dist/image.lock
	$(BIN)/cyclonedx-py requirements dist/image.lock --pyproject pyproject.toml --output-reproducible --output-file dist/sbom.cdx.json
	@rm dist/image.lock

wheel: .venv/.dev ## build dist/triage_trio-*.whl
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@rm -rf build triage_trio.egg-info

lint: .venv/.dev ## check format, style, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv/.bench ## compare with scikit-learn, fastText and CatBoost on generated messages
	$(BIN)/python -m benchmarks.compare

cloud: .venv/.cloud ## add what reads and writes s3://, gs:// and https://

excel: .venv/.excel ## add what reads Excel files

language: .venv/.language ## add what tells the language of a message

apprise: .venv/.apprise ## add alerts through a hundred other services

postgres: .venv/.postgres ## add what an MLflow server needs for PostgreSQL

scrape: .venv/.scrape ## add what fetches the pages of websites

spark: .venv/.spark ## add Spark, which needs Java 17 or newer

neural: .venv/.neural ## add PyTorch, which fits MODEL_FAMILY=neural

transformer: .venv/.transformer ## add PyTorch and transformers, for MODEL_FAMILY=transformer

.venv/.core: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	@echo "Installing into .venv: about 1.2 GB on disk, most of it CatBoost, Arrow, SciPy and MLflow."
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) -r requirements.lock
	@touch $@

.venv/.dev: .venv/.core requirements-dev.lock
	$(INSTALL) -r requirements-dev.lock
	@touch $@

$(addprefix .venv/.,$(filter-out dev neural transformer,$(EXTRAS))): .venv/.%: .venv/.core requirements-%.lock
	$(INSTALL) -r requirements-$*.lock
	@touch $@

# Where pip finds torch's build for the CPU (its --find-links or index name it), CUDA's libraries are not needed.
.venv/.neural .venv/.transformer: .venv/.%: .venv/.core requirements-%.lock requirements-cuda.lock requirements-torch-cpu.lock
	@echo "Installing PyTorch into .venv: about 0.8 GB on disk for the CPU, 5.5 GB with CUDA."
	if $(INSTALL) --no-deps -r requirements-torch-cpu.lock 2> /dev/null; \
	then $(INSTALL) -r requirements-$*.lock; \
	else $(INSTALL) -r requirements-$*.lock -r requirements-cuda.lock; fi
	@touch $@

# Prefect and MLflow want different releases of FastAPI, so they share no environment.
.venv-flows/.flows: flows/requirements.lock
	@echo "Installing Prefect into .venv-flows: about 260 MB on disk."
	test -x .venv-flows/bin/python || $(PYTHON) -m venv .venv-flows
	.venv-flows/bin/python -m pip install --quiet --disable-pip-version-check --use-pep517 --require-hashes -r flows/requirements.lock
	@touch $@

.PHONY: help setup train ui serve notebook flow test test-slow image-test secrets lock audit sbom wheel lint bench cloud excel language apprise postgres scrape spark neural transformer
