"""What a run can't do as DVC would: found before anything runs."""

from morphseq_manifest.base import git
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.run import capacity
from morphseq_manifest.tracker.snapshot import Snapshot


def check_settings(snapshot: Snapshot, workspace: Workspace) -> None:
    """Raise ConfigError for what stages can't need, and what would make the records differ from those of DVC."""
    for stage in {stage.group: stage for stage in snapshot.graph.stages.values()}.values():
        capacity.needs(stage)
    for name, value in workspace.dvc_cache.config.unsupported.items():
        raise ConfigError(f"{snapshot.root}: DVC's setting {name} = {value} is not supported here. Use `dvc repro`")
    outs = [out.path for stage in snapshot.graph.stages.values() for out in stage.outs if out.cache]
    ignored = git.ignored(snapshot.root, outs)
    if ignored is not None and (seen := [path for path in outs if path not in ignored]):
        raise ConfigError(
            f"{snapshot.root / '.gitignore'}: {seen[0]} is not in it, and git would take what DVC caches. "
            "Add it, or the folder that it is in"
        )
