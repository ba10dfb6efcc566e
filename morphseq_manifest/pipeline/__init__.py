"""dvc.yaml: which stages there are, what each reads, runs and makes, and which come before which."""

from morphseq_manifest.pipeline.definition import PIPELINE, parse, stage_modules
from morphseq_manifest.pipeline.graph import Graph
from morphseq_manifest.pipeline.stages import Output, Stage, resolve

__all__ = ["PIPELINE", "Graph", "Output", "Stage", "parse", "resolve", "stage_modules"]
