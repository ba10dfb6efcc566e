"""What the shell offers for the rest of a word: stages, groups, experiments and tables of the project."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from morphseq_manifest.base import project_folder
from morphseq_manifest.base.errors import MorphseqError

if TYPE_CHECKING:
    from morphseq_manifest.cohort.snapshot import CohortSnapshot

_TABLES = ("df01", "df02", "df03")


def targets(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The stages, groups and experiments that begin so."""

    def names(snapshot: "CohortSnapshot") -> Iterable[str]:
        stages = snapshot.graph.stages.values()
        return (name for stage in stages for name in (stage.group, stage.key, stage.name) if name)

    return _beginning(incomplete, _of_project(context, names))


def experiments(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The experiments that begin so; of `A,B` only the last is begun."""
    before, comma, last = incomplete.rpartition(",")
    found = _beginning(last, _of_project(context, lambda snapshot: snapshot.experiments))
    return [f"{before}{comma}{name}" for name in found]


def tables(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The tables that begin so."""
    return _beginning(incomplete, _TABLES)


def _of_project(context: click.Context, names: "Callable[[CohortSnapshot], Iterable[str]]") -> list[str]:
    """Names that a project has; none if it can't be read, which is no time to say so."""
    from morphseq_manifest.cohort.snapshot import CohortSnapshot

    root = context.find_root().params.get("root") or "."
    with suppress(MorphseqError, OSError):
        return list(names(CohortSnapshot(Path(project_folder.find(str(root))))))
    return []


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]
