# What a newcomer types: `make demo`, `make test`. Everything lands in .venv and in the model cache.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP_VERSION := 26.3
PIP_TOOLS_VERSION := 7.6.2
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu
BIN := .venv/bin
LOCKS := requirements.lock requirements-torch.lock

.DEFAULT_GOAL := help
.PHONY: help install models demo test check eval record replay robust serve bench load readme wheel lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: .venv/installed  ## everything into .venv, exactly as locked

.venv/bin/python:
	@echo "== Making .venv with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 is needed, this is " + sys.version.split()[0] + ": make PYTHON=/path/to/python3.11" if sys.version_info[:2] != (3, 11) else 0)'
	@$(PYTHON) -m venv .venv

# Each package by its hash and none but these: pip has nothing to resolve.
.venv/locked: $(LOCKS) | .venv/bin/python
	@echo "== Installing $$(grep -c '^[a-zA-Z0-9].*==' requirements.lock) locked packages: about two minutes, once per lock"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check pip==$(PIP_VERSION)
	@extra=; \
	$(BIN)/pip install --quiet --dry-run --no-deps --require-hashes -r requirements-torch.lock >/dev/null 2>&1 \
	  || { extra="--extra-index-url $(TORCH_CPU_INDEX)"; echo "== torch without GPU parts: from $(TORCH_CPU_INDEX)"; }; \
	$(BIN)/pip install --no-deps --no-compile --require-hashes $$extra $(addprefix -r ,$(LOCKS))
	@touch $@

.venv/installed: .venv/locked pyproject.toml
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/pip check
	@touch $@

models: .venv/installed  ## fetch and verify the model files
	@$(BIN)/rag models pull

demo: models  ## index the demo articles and ask four questions about them
	@$(BIN)/rag demo

test: models  ## all tests, those with the real models too
	@$(BIN)/pytest $(PYTEST_ARGS)

check: .venv/installed  ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

eval: models  ## gold facts against their floor, with the model that RAG_LLM names
	@mkdir -p eval/out
	@$(BIN)/rag eval run eval/facts.yaml --floor eval/floor.yaml \
	  --junit eval/out/facts-$(subst /,-,$(or $(RAG_LLM),local)).xml
	@$(BIN)/rag eval run eval/summaries.yaml --floor eval/floor.yaml --section summaries

record: models  ## keep the model's replies to the gold facts in eval/replies.jsonl
	@$(BIN)/rag eval run eval/facts.yaml --record eval/replies.jsonl

replay: models  ## the gold facts with the recorded replies, without the model
	@mkdir -p eval/out
	@$(BIN)/rag eval run eval/facts.yaml --replay eval/replies.jsonl --floor eval/floor.yaml --junit eval/out/replay.xml

robust: models  ## the gold facts with something around them changed, without a language model: about ten minutes
	@RAG_LLM=none $(BIN)/rag eval robust eval/facts.yaml

serve: models  ## the HTTP service on this machine
	@$(BIN)/rag serve

bench: models  ## speed and memory
	@$(BIN)/rag bench

load: models  ## the service under load, everything that is promised of it: about twenty minutes
	@$(BIN)/python eval/load.py all

readme: models  ## write the generated parts of README.md, with a real run of the demo
	@$(BIN)/python eval/readme.py --demo

wheel: .venv/installed  ## dist/*.whl, with prompts, page and demo articles inside
	@$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

lock: .venv/installed  ## write requirements.lock anew from pyproject.toml (torch: see requirements-torch.lock)
	@$(BIN)/pip install --quiet pip-tools==$(PIP_TOOLS_VERSION)
	@$(BIN)/pip-compile --quiet --upgrade --extra dev --generate-hashes --strip-extras --allow-unsafe \
	  --unsafe-package torch --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --output-file .venv/compiled.lock pyproject.toml
	@{ echo "# Made by \`make lock\` with pip-compile from pyproject.toml. torch stands in requirements-torch.lock."; \
	  sed '/considered to be unsafe/,$$d' .venv/compiled.lock; } > requirements.lock

clean:  ## remove what these commands made here; the model cache stays
	@rm -rf .venv data/demo build dist eval/out .mypy_cache .pytest_cache .ruff_cache .hypothesis
