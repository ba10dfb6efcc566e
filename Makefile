# Everything runs in .venv; `make demo` and `make test` do all, on a machine with only Python and git.
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
PYTHON ?= python3

.PHONY: install plates models train demo test bench

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

plates: install
	python -m simulation.plates data

models: install
	python -m simulation.default_models data

# Makes the default models anew, as simulation/models/README.md says, which then are to be committed.
train: install
	python -m simulation.training simulation/models
	python -m simulation.evaluation

demo: plates models
	morphseq run df03
	morphseq provenance df01

test: install
	ruff check .
	ruff format --check .
	mypy
	python -m pytest -n 2 --dist worksteal

bench: install $(VENV)/snakemake/bin/snakemake $(VENV)/paraffin/bin/paraffin
	SNAKEMAKE=$(CURDIR)/$(VENV)/snakemake/bin/snakemake PARAFFIN=$(CURDIR)/$(VENV)/paraffin/bin/paraffin \
	python -m benchmarks

# What `morphseq status` and `morphseq run` are measured against, each in an environment of its own.
$(VENV)/snakemake/bin/snakemake:
	$(PYTHON) -m venv $(VENV)/snakemake
	$(VENV)/snakemake/bin/pip install --quiet 'snakemake>=9.27,<10'

# Its release does not start with newer ones of sqlmodel; the YAML library is the one with the C part, as here.
$(VENV)/paraffin/bin/paraffin:
	$(PYTHON) -m venv $(VENV)/paraffin
	$(VENV)/paraffin/bin/pip install --quiet 'paraffin==0.3.7' 'dvc>=3.67,<3.68' 'sqlmodel<0.0.32' \
	    'ruamel.yaml>=0.18.7,<0.19' ruamel.yaml.clib
