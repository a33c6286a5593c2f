# plinth: `make up` ends with a verified prediction, `make test` proves every promise. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

INSTANCE ?= default
STACK ?= local
DATA ?= wine
SIMULATE ?= 1
export PLINTH_INSTANCE := $(INSTANCE)
export PLINTH_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/plinth
export UV_CACHE_DIR := $(PLINTH_CACHE)/uv
# Where a machine forbids it, each of dozens of processes compiles its modules again: half of the time of a plan.
unexport PYTHONDONTWRITEBYTECODE

UV := $(PLINTH_CACHE)/tools/bin/uv
PYTHON := .venv/bin/python
TARGET := --stack $(STACK)

.PHONY: help setup up stages build programs packages cluster deploy demo test fast check modules unit contract integration e2e preview verify bench down undeploy clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(UV):
	@python3 -m venv $(PLINTH_CACHE)/tools
	@$(PLINTH_CACHE)/tools/bin/pip install --quiet "uv$$(sed -n 's/^required-version = "\(.*\)"/\1/p' pyproject.toml)"

setup: $(UV) ## check the machine, install missing Debian packages, make the Python environment
	@python3 -m cluster prerequisites
	@$(UV) sync --frozen --quiet

up: setup ## from nothing to a verified prediction on this machine
	@$(PYTHON) -m cluster hold "make up" -- $(MAKE) stages

stages: build cluster deploy demo

# Together: packages come by the network and are unpacked by one thread each, the compiler waits for neither.
build: setup ## build the upstream programs and images that are not cached
	@$(MAKE) -j2 programs packages
	@{ $(PYTHON) -m cluster images; $(PYTHON) -m infra images $(TARGET); } | sort -u | xargs $(PYTHON) -m images publish
	@$(PYTHON) -m upstream tidy

programs:
	@$(PYTHON) -m upstream build

packages:
	@$(PYTHON) -m images build --without-programs

cluster: setup ## start the cluster of this machine, or heal it
	@$(PYTHON) -m cluster up

deploy: setup ## `pulumi up` on the stack
	@$(PYTHON) -m infra up $(TARGET)

demo: setup ## train, register and serve; show one prediction beside the value it must have
	@$(PYTHON) -m workloads run train_register_serve --data $(DATA) --unless-served

test: setup ## static checks, unit, contract, integration, the chain end to end; leaves nothing
	@$(MAKE) -j2 fast programs
	@$(MAKE) build
	@$(PYTHON) -m pytest -q -m "(integration or e2e) and not slow"

# Beside the builds from the start: only the tests wait for the modules, not the static checks.
fast: check
	@$(PYTHON) -m upstream modules
	@$(PYTHON) -m pytest -q -n 2 -m "unit or contract"

check: setup ## static checks: format, lint, types, import rules
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/pyright
	@.venv/bin/lint-imports --no-cache

modules: setup ## download the upstream modules whose manifests are read
	@$(PYTHON) -m upstream modules

unit: modules ## fast tests without network
	@$(PYTHON) -m pytest -q -m unit

contract: modules ## tests of the files: stacks, pins, imports, mirror
	@$(PYTHON) -m pytest -q -m contract

integration: setup ## one component at a time on a native cluster
	@$(PYTHON) -m pytest -q -m integration

e2e: setup ## journeys on the whole platform
	@$(PYTHON) -m pytest -q -m e2e

preview: modules ## what `pulumi up` would change; on AWS in a simulated account, with SIMULATE=0 in yours
	@$(PYTHON) -m $(if $(filter local,$(STACK))$(filter 0,$(SIMULATE)),infra,simulation.aws) preview $(TARGET)

verify: setup ## assert every promise on the running platform; table, JUnit and JSON
	@$(PYTHON) -m harness verify

bench: build ## measure memory, seconds and requests per second in one run
	@$(PYTHON) -m harness bench

down: setup ## destroy the stack's objects and the cluster; leave nothing outside the cache
	@$(PYTHON) -m cluster hold "make down" -- $(MAKE) undeploy

undeploy:
	@$(PYTHON) -m infra destroy $(TARGET)
	@$(PYTHON) -m cluster down

clean: ## delete the cache (builds, images, tools); a running cluster must be down first
	@python3 -m cluster down
	@chmod -R u+w $(PLINTH_CACHE) 2>/dev/null || true
	@rm -rf $(PLINTH_CACHE) .venv

.PHONY: gpu-sim
gpu-sim: setup ## simulated GPU tier: 1,000 KWOK nodes, real scheduler, Kueue and Karpenter; table, JUnit and JSON
	@$(PYTHON) -m upstream build etcd kubernetes kwok kueue karpenter
	@$(PYTHON) -m simulation.gpus

.PHONY: nightly
nightly: setup ## up from nothing, verify, load, faults, down; one page of evidence, exit code by class of fault
	@exec setpriv --pdeathsig TERM $(PYTHON) -m harness nightly

.PHONY: load
load: setup ## train a fresh model, load it, and make it champion only where it keeps its service levels
	@$(PYTHON) -m harness load --data $(DATA)

.PHONY: test-aws bench-plan
AWS_TESTS := tests/unit/simulation/aws tests/unit/components/aws tests/unit/infra tests/integration/simulation/aws

test-aws: modules ## everything about AWS: components, settings, the real engine on every stack, policies
	@$(PYTHON) -m pytest -q -rs $(AWS_TESTS)

bench-plan: modules ## seconds and memory of planning 1, 10 and 100 GPU pools and teams
	@$(PYTHON) -m simulation.aws bench-plan
