# plinth: `make try` is a taste, `make up` ends with a verified prediction, `make test` proves every promise.
# `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

INSTANCE ?= default
STACK ?= local
ONLY ?= all
DATA ?= wine
SIMULATE ?= 1
export PLINTH_INSTANCE := $(INSTANCE)
export PLINTH_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/plinth
export UV_CACHE_DIR := $(PLINTH_CACHE)/uv
# Without bytecode each of dozens of processes compiles its modules again: half of the time of a plan.
unexport PYTHONDONTWRITEBYTECODE

UV := $(PLINTH_CACHE)/tools/bin/uv
PYTHON := .venv/bin/python
TARGET := --stack $(STACK)
AWS_TESTS := tests/unit/simulation/aws tests/unit/components/aws tests/unit/infra tests/integration/simulation/aws
POLICY_TESTS := $(addprefix tests/integration/simulation/,test_manifest_policies.py aws/test_policies.py)

.PHONY: help try up test verify conformance load down deploy demo preview check unit contract integration e2e bench bench-scale nightly \
	test-aws policies rehearse bench-plan gpu-sim setup build modules cluster clean stages programs packages fast undeploy

help: ## list the targets
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)

##@ Without a cluster

# No root, no Go: Python packages alone, in addition to what is in the environment already.
try: $(UV) ## train, register and serve a model on a laptop; show one prediction and its expected value; leave nothing
	@$(UV) sync --frozen --quiet --inexact --only-group workloads
	@exec $(PYTHON) -m workloads run train_register_serve --data $(DATA) --local $(if $(STAY),--stay)

##@ Every day

up: setup ## go from nothing to a verified prediction on this machine
	@$(PYTHON) -m cluster hold "make up" -- $(MAKE) stages

stages: build cluster deploy demo

test: setup ## run static checks, unit, contract, integration and end-to-end tests; leave nothing behind
	@$(MAKE) -j2 fast programs
	@$(MAKE) build
	@$(PYTHON) -m pytest -q -m "(integration or e2e) and not slow"

# Runs alongside the builds: only the tests wait for the modules, the static checks do not.
fast: check
	@$(PYTHON) -m upstream modules
	@$(PYTHON) -m pytest -q -n 2 -m "unit or contract"

check: setup ## run static checks: format, lint, types, import rules
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/pyright
	@.venv/bin/lint-imports --no-cache

deploy: setup ## run `pulumi up` on the stack
	@$(PYTHON) -m infra up $(TARGET)

demo: setup ## train, register and serve a model; show one prediction and its expected value
	@$(PYTHON) -m workloads run train_register_serve --data $(DATA) --unless-served $(TARGET)

down: setup ## destroy the stack's objects and the cluster; leave nothing outside the cache
	@$(PYTHON) -m cluster hold "make down" -- $(MAKE) undeploy

undeploy:
	@$(PYTHON) -m infra destroy $(TARGET) --with-cluster
	@$(PYTHON) -m cluster down

##@ Proving

verify: setup ## assert every promise on the running platform, or with STACK=teams ONLY=teams those of teams, STACK=full ONLY=pipelines all pipelines; a table, JUnit and JSON
	@$(PYTHON) -m harness verify $(TARGET) --only $(ONLY)

conformance: setup ## run unmodified kfp, mlflow, kserve and pulumi clients on the running platform; a table by case
	@$(PYTHON) -m harness verify --only conformance --keep-going $(TARGET)

load: setup ## train a model, load it, and promote it to champion only if it keeps its service levels
	@$(PYTHON) -m harness load --data $(DATA)

bench: build ## measure memory, seconds and requests per second in one run
	@$(PYTHON) -m harness bench

bench-scale: setup ## measure 50 pipeline runs, 200 models, 10,000 MLflow runs and 20 served models on the running platform
	@$(PYTHON) -m harness bench-scale $(TARGET)

nightly: setup ## up from nothing, verify, load, slow journeys, faults, down; one page of evidence, exit code by class of fault
	@exec setpriv --pdeathsig TERM $(PYTHON) -m harness nightly

unit: modules ## run fast tests that need no network
	@$(PYTHON) -m pytest -q -m unit

contract: modules ## run tests of the repository's files: stacks, pins, imports, mirror
	@$(PYTHON) -m pytest -q -m contract

policies: modules ## scan objects and AWS plans with checkov and our rules; exceptions are in simulation/checkov
	@$(PYTHON) -m pytest -q $(POLICY_TESTS)

integration: setup ## test one component at a time on a native cluster
	@$(PYTHON) -m pytest -q -m integration

e2e: setup ## run the journeys on the whole platform
	@$(PYTHON) -m pytest -q -m e2e

##@ AWS and GPUs

preview: modules ## show what `pulumi up` would change; on AWS in a simulated account, with SIMULATE=0 in yours
	@$(PYTHON) -m $(if $(filter local,$(STACK))$(filter 0,$(SIMULATE)),infra,simulation.aws) preview $(TARGET)

rehearse: modules ## from nothing to a prediction and back: on AWS's stand-in, with SIMULATE=0 in your account
	@$(if $(filter 0,$(SIMULATE)),,$(PYTHON) -m simulation.aws hold --) $(PYTHON) -m harness rehearse $(TARGET) \
		$(if $(filter 0,$(SIMULATE)),,--stand-in {folder})

test-aws: modules ## test all of AWS without an account: components, settings, every stack's plan, policies
	@$(PYTHON) -m upstream build pulumi pulumi-kubernetes etcd kubernetes kwok
	@$(PYTHON) -m pytest -q -rs $(AWS_TESTS)

bench-plan: modules ## measure seconds and memory of planning 1, 10 and 100 GPU pools and teams
	@$(PYTHON) -m simulation.aws bench-plan

gpu-sim: setup ## run the simulated GPU tier: 1,000 KWOK nodes, the real scheduler, Kueue and Karpenter
	@$(PYTHON) -m upstream build etcd kubernetes kwok kueue karpenter
	@$(PYTHON) -m simulation.gpus

##@ House-keeping

setup: $(UV) ## check the machine, install missing Debian packages, create the Python environment
	@python3 -m cluster prerequisites
	@$(UV) sync --frozen --quiet

$(UV):
	@python3 -m venv $(PLINTH_CACHE)/tools
	@$(PLINTH_CACHE)/tools/bin/pip install --quiet "uv$$(sed -n 's/^required-version = "\(.*\)"/\1/p' pyproject.toml)"

# In parallel: packages wait for the network and for one thread each, the compiler waits for neither.
build: setup ## build the upstream programs and images that are not cached
	@$(MAKE) -j2 programs packages
	@{ $(PYTHON) -m cluster images; $(PYTHON) -m infra images $(TARGET); } | sort -u | xargs $(PYTHON) -m images publish
	@$(PYTHON) -m upstream tidy

programs:
	@$(PYTHON) -m upstream build

packages:
	@$(PYTHON) -m images build --without-programs

modules: setup ## download the upstream modules whose manifests are read
	@$(PYTHON) -m upstream modules

cluster: setup ## start the cluster of this machine, or heal it
	@$(PYTHON) -m cluster up

clean: ## delete the cache (builds, images, tools) and a cluster that still runs
	@python3 -m cluster down
	@chmod -R u+w $(PLINTH_CACHE) 2>/dev/null || true
	@rm -rf $(PLINTH_CACHE) .venv
