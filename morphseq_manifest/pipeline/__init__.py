"""dvc.yaml: which stages there are, what each reads, runs and makes, and which come before which."""

from morphseq_manifest.pipeline.definition import PIPELINE, modules_run, parse, stage_modules
from morphseq_manifest.pipeline.graph import Graph
from morphseq_manifest.pipeline.stages import Output, Stage, parents, resolve

__all__ = ["PIPELINE", "Graph", "Output", "Stage", "modules_run", "parents", "parse", "resolve", "stage_modules"]
