"""Code versions: whether the code of a stage is still that which its version in params.yaml stands for.

A stage runs again when its version (`versions.{stage}`) is raised, not when its text changes: a docstring is no
reason to segment 133 plates again. So that no change of results goes unseen, `manifests/code.json` records, for the
version of each stage, the fingerprints of its modules, and changed code with an unchanged version is reported.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import msgspec

from morphseq_manifest.answers.code.fingerprints import Code
from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ConfigError, UnreadableError
from morphseq_manifest.base.outcomes import Outcome
from morphseq_manifest.base.small_files import read_small
from morphseq_manifest.cohort import params
from morphseq_manifest.cohort.manifests import code_manifest, places
from morphseq_manifest.cohort.manifests.code_manifest import StageCode
from morphseq_manifest.tracker.dvc import definition, params_file
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.snapshot import Snapshot

RECORD = places.CODE
# The folder that the library is in: a project has modules of its own, and its stages import these too.
LIBRARY = Path(__file__).parents[3]


class State(Outcome):
    """How the code of a stage compares with what was recorded."""

    CURRENT = "current", "the code is as recorded", "green"
    CHANGED = "changed", "other code, same version; the modules are named", "yellow"
    BUMPED = "bumped", "a version that is not recorded yet: the stage will run again", "cyan"
    UNRECORDED = "unrecorded", "a new stage", "magenta"


class StageState(msgspec.Struct, frozen=True):
    """A stage: its version, the recorded one, and the modules that are not as recorded."""

    stage: str
    version: int
    recorded: int | None
    state: State
    changed: list[str]


def compare(stage: str, code: StageCode, recorded: StageCode | None) -> StageState:
    """Compare the code of a stage with what was recorded."""
    if recorded is None:
        return StageState(stage, code.version, None, State.UNRECORDED, [])
    names = sorted(code.modules.keys() | recorded.modules.keys())
    changed = [name for name in names if code.modules.get(name) != recorded.modules.get(name)]
    same = State.CHANGED if changed else State.CURRENT
    state = same if code.version == recorded.version else State.BUMPED
    return StageState(stage, code.version, recorded.version, state, changed)


def status(root: Path = Path()) -> list[StageState]:
    """The state of every stage that runs a module, in the order of dvc.yaml; none in a project without versions.

    Raises ConfigError for wrong settings, UnreadableError if a file or module is missing or can't be read, or there is
    no project, ContentError if the record was edited or damaged, or git has not merged what is read.
    """
    _check_merged(root)
    recorded = read(root)
    return [compare(stage, code, recorded.get(stage)) for stage, code in present(root).items()]


def accept(root: Path = Path(), stages: Sequence[str] = ()) -> list[StageState]:
    """Record the present code for the present versions, of all stages or of `stages`; returns what was not recorded.

    Under an unchanged version, accepting declares the results unchanged. Raises as `status` does.
    """
    _check_merged(root)
    now, recorded = present(root), read(root)
    if not now:
        raise ConfigError(
            f"{root / PARAMS}: no stage that runs a module has a version, under which its code is recorded. "
            "Give each one under `versions`, beginning with 1"
        )
    _check_names(stages, now, root)
    states = [compare(stage, now[stage], recorded.get(stage)) for stage in dict.fromkeys(stages or now)]
    new = [state for state in states if state.state != State.CURRENT]
    _check_versions(new, root)
    kept = {stage: code for stage, code in recorded.items() if stage in now}
    merged = kept | {state.stage: now[state.stage] for state in new}
    if merged != recorded:
        files.write_bytes(root / RECORD, code_manifest.dump(merged))
    return new


def _check_merged(root: Path) -> None:
    """Raise ContentError, as `morphseq status` does, for a file with the marks of a conflict."""
    snapshot = Snapshot(root)
    for path in (PARAMS, definition.PIPELINE, RECORD):
        snapshot.content(path)


def is_clean(states: Iterable[StageState]) -> bool:
    """Whether all code is as recorded."""
    return all(state.state == State.CURRENT for state in states)


def _check_names(stages: Iterable[str], known: Mapping[str, StageCode], root: Path) -> None:
    for stage in stages:
        if stage not in known:
            near = get_close_matches(stage, known, n=1)
            meant = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(known)}"
            raise ConfigError(f"{root / definition.PIPELINE}: no stage {stage!r} that runs a module. {meant}")


def _check_versions(states: Iterable[StageState], root: Path) -> None:
    """Raise ConfigError for a version gone down: what once ran under it, and is cached, had other code."""
    for state in states:
        if state.recorded is not None and state.version < state.recorded:
            raise ConfigError(
                f"{root / PARAMS}: versions.{state.stage} is {state.version}, but {state.recorded} is recorded, "
                f"and DVC may bring back what {state.version} once made with other code. Set {state.recorded} or more"
            )


def present(root: Path = Path()) -> dict[str, StageCode]:
    """The version and the fingerprints of every stage that runs a module, as they are now.

    None in a project that gives no stage a version, and has recorded none. Raises as `status` does.
    """
    if not _has_versions(root):
        if not (root / definition.PIPELINE).exists():
            Snapshot(root).graph  # noqa: B018 - says that there is no project, if there is none
        return {}
    running = definition.stage_modules(root)
    versions = params.read(root).versions(running)
    code = Code(root, LIBRARY)
    stages = {}
    for stage, names in running.items():
        where = f"{root / definition.PIPELINE}: stage {stage!r}"
        modules = [code.fingerprints(name, where) for name in names]
        stages[stage] = StageCode(versions[stage], {name: value for part in modules for name, value in part.items()})
    return stages


def _has_versions(root: Path) -> bool:
    """Whether stages have versions here; in another project, settings of that name may be of other things."""
    named = params_file.read(root).get("versions")
    versioned = isinstance(named, Mapping) and not named.keys().isdisjoint(definition.stage_modules(root))
    return versioned or bool(read(root))


def read(root: Path = Path()) -> dict[str, StageCode]:
    """The recorded code, by stage; empty if nothing was recorded yet."""
    path = root / RECORD
    try:
        data = read_small(path)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UnreadableError(f"{path}: can't be read ({error.strerror}). {code_manifest.REMEDY}") from error
    return code_manifest.parse(data, str(path))
