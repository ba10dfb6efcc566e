"""What a run can't do as DVC would: found before anything runs."""

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.run import capacity
from morphseq_manifest.tracker.snapshot import Snapshot


def check_settings(snapshot: Snapshot, workspace: Workspace) -> None:
    """Raise ConfigError for what stages can't need, and settings under which DVC would leave something else behind."""
    for stage in {stage.group: stage for stage in snapshot.graph.stages.values()}.values():
        capacity.needs(stage)
    for name, value in workspace.dvc_cache.config.unsupported.items():
        raise ConfigError(f"{snapshot.root}: DVC's setting {name} = {value} is not supported here. Use `dvc repro`")
