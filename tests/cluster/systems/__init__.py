"""Real queueing systems of this machine alone: `python -m tests.cluster.systems slurm|sge COMMAND...`."""
