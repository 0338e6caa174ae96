# `make` alone lists the targets.
#
# Variables: CACHE        built wheels and models, shared by checkouts (~/.cache/frontdesk)
#            TORCH_INDEX  package index with torch's CPU build, if pip's own and PyTorch's won't do
#            PORTABLE     ON compiles the model's engine for any processor of this kind (OFF)
#            PYTHON       the Python 3.11 to make .venv with
#            SUITES       folders of judged cases that `make train` learns from too

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3)
CACHE ?= $(or $(FRONTDESK_CACHE),$(HOME)/.cache/frontdesk)
PORTABLE ?= OFF
TORCH_INDEX ?=
SUITES ?= $(wildcard ../shared/data/mtrag-un)
export FRONTDESK_CACHE := $(CACHE)

BIN := .venv/bin
FRONTDESK := $(BIN)/frontdesk
SOURCES := agent api commands evals installation knowledge_base prompts
INSTALL := $(PYTHON) -m installation --cache "$(CACHE)" --torch-index "$(TORCH_INDEX)" \
	$(if $(filter ON,$(PORTABLE)),--portable)
LOCK := $(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-annotate \
	--no-header --no-emit-package torch
URL := http://127.0.0.1:$(or $(FRONTDESK_PORT),8000)

.PHONY: help demo runtime setup test check train lock audit clean python browser

help: ## List the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

demo: runtime ## Set up, import the demo company's articles, serve them on 127.0.0.1:8000
	@FRONTDESK_TRIAGE_EMBEDDER= $(FRONTDESK) models pull # triage works without, and says so
	@$(FRONTDESK) kb import articles
	@printf '%s\n' '' \
		'Starting the service. Once it is up, open' '' \
		'    $(URL)/demo' '' \
		'or ask, in another terminal:' '' \
		'    $(FRONTDESK) ask "I cancelled yesterday, when does my money come back to my card?"' \
		'    $(FRONTDESK) ask "Can I bring my dog?"' \
		'    $(FRONTDESK) ask "I want to talk to a person"' '' \
		'Ctrl-C stops it; `make demo` starts it again in seconds.' ''
	@exec $(FRONTDESK) serve --demo

runtime: python ## Install what the service needs into .venv
	@$(INSTALL)

setup: python ## The same, and the tools for checks and tests
	@$(INSTALL) --dev

test: setup browser ## Set up what is missing and run the checks and tests, as CI does
	@$(FRONTDESK) models pull
	@$(FRONTDESK) models pull qwen2.5-coder-0.5b-instruct # the engine's tests want a small one
	@$(MAKE) check

check: setup ## Run the linters and the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/hadolint Dockerfile
	$(BIN)/bandit --quiet --recursive --severity-level medium $(SOURCES)
	$(BIN)/python -m pytest

train: setup ## Train decision, screening and verifier anew from the repository and SUITES
	$(BIN)/python -m agent.decision.training "$(CACHE)/models/all-MiniLM-L6-v2" articles $(SUITES)
	$(BIN)/python -m agent.screening.training "$(CACHE)/models/all-MiniLM-L6-v2"
	$(BIN)/python -m evals.training articles tests/traps $(SUITES)

lock: setup ## Write requirements.lock and requirements-dev.lock anew from pyproject.toml
	$(LOCK) pyproject.toml --output-file requirements.lock
	$(LOCK) pyproject.toml --group dev --constraint requirements.lock \
		--output-file requirements-dev.lock

audit: setup ## Ask PyPI for known vulnerabilities of what is locked
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements-dev.lock

clean: ## Remove .venv and what the tools left; the cache and the data stay
	rm -rf .venv .venv.log .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache build *.egg-info
	find $(SOURCES) tests -name __pycache__ -prune -exec rm -rf {} +

python:
	@[ -n "$(PYTHON)" ] && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo 'Frontdesk needs Python 3.11 and found $(or $(PYTHON),none).' \
		'Install it (Debian, Ubuntu: apt install python3.11 python3.11-venv;' \
		'macOS: brew install python@3.11), or name it: make PYTHON=/path/to/python3.11' >&2; exit 1; }

browser: # for the tests that open a page; they are skipped where there is none
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& echo 'Installing chromium for the tests that open a page.' >&2 \
		&& { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes \
		--no-install-recommends chromium; } </dev/null >/dev/null 2>&1; } \
		|| echo 'No chromium: tests that open a page will be skipped.' >&2
