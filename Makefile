# Everything runs in .venv; `make demo` and `make test` do all, on a machine with only Python and git.
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
PYTHON ?= python3
# Tests side by side.
JOBS ?= 2
# Tests start commands by the hundred: compiled modules are kept, whatever the machine's default.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install validator plates models train demo check fast test campaign coverage elsewhere slurm sge lowest docs bench

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	if git rev-parse --is-inside-work-tree > /dev/null 2>&1; then morphseq init; fi
	touch $@

# What says whether a crate is a valid one, in an environment of its own: it asks for an older release of rich.
validator: $(VENV)/validator/bin/rocrate-validator

$(VENV)/validator/bin/rocrate-validator: | install
	$(PYTHON) -m venv $(VENV)/validator
	$(VENV)/validator/bin/pip install --quiet 'roc-validator>=0.13,<0.14'

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

# Style, types, and who may import whom.
check: install
	ruff check .
	ruff format --check .
	mypy
	python -m pytest -q tests/docs/test_layout.py

# The tests without simulated plates, trained networks or a cluster.
fast: install
	python -m pytest -n $(JOBS) --dist worksteal -m 'not slow'

test: check
	python -m pytest -n $(JOBS) --dist worksteal

# Up to an hour of faults, edits and hostile inputs by the hundred; the same SEED goes on where it was.
SEED ?= 0
campaign: install
	python -m tests.faults.campaign --seed $(SEED) --jobs $(JOBS)

# Which lines and branches the tests reach, also in the processes that they start: htmlcov/index.html.
coverage: install
	python -m pytest -n $(JOBS) --dist worksteal --cov --cov-report=html --cov-report=term:skip-covered

# What is done on systems other than Linux, on Linux: nothing is forked.
elsewhere: install
	PYTHONPATH=$(CURDIR)/tests/elsewhere python -m pytest -n $(JOBS) --dist worksteal -m 'not slow' \
	    tests/base tests/tracker tests/dvc tests/answers tests/commands

# Jobs on a real SLURM or Grid Engine of this machine alone, which is there as long as the tests: as root on Debian.
slurm sge: install
	python -m tests.cluster.systems $@ python -m pytest -q tests/cluster/test_real.py -k $@

# The lower bounds of pyproject.toml, in an environment of their own.
lowest: $(VENV)/lowest/installed
	PATH=$(CURDIR)/$(VENV)/lowest/bin:$$PATH python -m pytest -n $(JOBS) --dist worksteal -m 'not slow'

$(VENV)/lowest/installed: pyproject.toml | install
	$(PYTHON) -m venv $(VENV)/lowest
	python -m tests.lowest > $(VENV)/lowest/constraints.txt
	$(VENV)/lowest/bin/pip install --quiet --constraint $(VENV)/lowest/constraints.txt --editable '.[test]'
	touch $@

# The pages of docs/ that are made from the code; and all of them as a site, build/site/index.html.
docs: install
	python -m tests.docs.generate
	python -m morphseq_manifest.cohort.columns_page
	python -m sphinx -q -W --keep-going -c docs/site . build/site

bench: install $(VENV)/snakemake/bin/snakemake $(VENV)/paraffin/bin/paraffin $(VENV)/others/bin/pytask
	PATH=$$PATH:$(CURDIR)/$(VENV)/others/bin SNAKEMAKE=$(CURDIR)/$(VENV)/snakemake/bin/snakemake PARAFFIN=$(CURDIR)/$(VENV)/paraffin/bin/paraffin \
	python -m benchmarks

# What `morphseq status` and `morphseq run` are measured against, each in an environment of its own.
$(VENV)/snakemake/bin/snakemake:
	$(PYTHON) -m venv $(VENV)/snakemake
	$(VENV)/snakemake/bin/pip install --quiet 'snakemake>=9.27,<10'

$(VENV)/others/bin/pytask:
	$(PYTHON) -m venv $(VENV)/others
	$(VENV)/others/bin/pip install --quiet 'pytask>=0.6' 'doit>=0.37' 'ninja>=1.13'

# Its release does not start with newer ones of sqlmodel; the YAML library is the one with the C part, as here.
$(VENV)/paraffin/bin/paraffin:
	$(PYTHON) -m venv $(VENV)/paraffin
	$(VENV)/paraffin/bin/pip install --quiet 'paraffin==0.3.7' 'dvc>=3.67,<4' 'sqlmodel<0.0.32' \
	    'ruamel.yaml>=0.18.7,<0.19' ruamel.yaml.clib
