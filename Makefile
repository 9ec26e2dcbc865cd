# Every target installs its own tools: it only needs Python 3.11 or newer, make and the package registries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONPATH := $(CURDIR):$(CURDIR)/layers/core/python
export SAM_CLI_TELEMETRY := 0
export AWS_DEFAULT_REGION ?= us-east-1
# Each test worker has a core: more threads for its matrices would only wait for each other.
check test: export OPENBLAS_NUM_THREADS := 1
# Without bytecode files, dozens of processes would compile the same modules again.
unexport PYTHONDONTWRITEBYTECODE
# The limit of the layers' size: Lambda takes 262,144,000 bytes of a function and its layers, unzipped.
MAX_LAYER_BYTES := 240000000

# Integration tests wait about half of the time.
WORKERS := $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 2) * 2)')

.DEFAULT_GOAL := help
.PHONY: docs help setup demo up rehearse check test exhaustive e2e lint style types template lock build clean

help: ## Show this help
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/.ready ## Install everything into .venv

$(VENV)/.ready: requirements.txt requirements-uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Usher needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Say which with: make PYTHON=python3.13 ...")'
	@$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (about a minute the first time)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement requirements-uv.txt
	@uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.txt
	@touch $@

lock: setup ## Lock the newest versions that pyproject.toml and layers/*/requirements.in allow
	uv pip compile --quiet --universal --generate-hashes --no-header --upgrade --python-version 3.11 --extra local --group dev pyproject.toml --output-file requirements.txt
	for layer in core data; do uv pip compile --quiet --generate-hashes --no-header --upgrade --python-version 3.13 --python-platform aarch64-manylinux_2_28 \
		--constraint requirements.txt layers/$$layer/requirements.in --output-file layers/$$layer/requirements.txt; done
	echo uv | uv pip compile --quiet --universal --generate-hashes --no-header --upgrade --python-version 3.11 - --output-file requirements-uv.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --upgrade --python-version 3.11 --constraint requirements.txt usher_local/cloud/aws_lambda/lambda_runtime.in --output-file usher_local/cloud/aws_lambda/lambda_runtime.txt

demo: setup ## The whole product on MovieLens, in this terminal
	@python -m usher_local.demo

up: setup ## The local cloud in the foreground
	@python -m usher_local.cloud

rehearse: setup ## A deployment from beginning to end, by sam, on the local cloud
	@python -m usher_local.rehearsal

check: setup ## Style, types and the fast tests, in less than a minute
	ruff check
	ruff format --check
	mypy & types=$$!; pytest -q -n 2 -m "not slow and not exhaustive" tests/unit/usher && wait $$types

test: setup ## Lint, types, template, state machines, build, tests, a rehearsal; CI adds `make exhaustive`
	@$(MAKE) --no-print-directory -j 2 lint build
	@mkdir -p .cache; echo "A rehearsal runs beside the tests, and writes .cache/rehearsal.log"
	python -m usher_local.rehearsal >.cache/rehearsal.log 2>&1 & rehearsal=$$!; \
		pytest -n auto --dist worksteal -m "not exhaustive" tests/unit tests/command; tests=$$?; \
		wait $$rehearsal || { cat .cache/rehearsal.log; exit 1; }; exit $$tests
	pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not exhaustive" tests/integration

exhaustive: setup ## The tests of every step, of whole corpora and with killed processes, which CI runs after `make test`
	pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m exhaustive tests

e2e: setup ## The end-to-end tests on a deployed stack of your account: make e2e STACK=usher; shows the cost, and asks
	@python -m tests.e2e $(or $(STACK),$(error Say which stack: make e2e STACK=usher))

lint: style types template ## Style, types, template

style: setup
	ruff check
	ruff format --check

types: setup
	mypy --num-workers 2

template: setup
	sam validate --lint

docs: setup ## Write the generated parts of the docs, and the editor schema
	@python -m tests.unit.docs.tables
	@python -m tests.proof
	@python -m usher_cli.editor_schema
	@python -m usher_cli.api_document

build: setup ## Build the artifacts of `sam deploy`, for Lambda's Python on arm64
	sam build
	@size=$$(find .aws-sam/build/CoreLayer .aws-sam/build/DataLayer -type f -exec cat {} + | wc -c); \
		echo "The two layers are $$((size / 1000000)) MB unzipped; Lambda takes 262"; \
		[ $$size -le $(MAX_LAYER_BYTES) ] || { echo "That leaves too little room: prune more in layers/*/Makefile" >&2; exit 1; }
	@python -m layers.sbom

clean: ## Remove everything that was built or installed
	rm -rf $(VENV) .aws-sam .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
