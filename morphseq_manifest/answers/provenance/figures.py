"""Every figure of a cohort manifest, computed again from something else: the table, dvc.lock, earlier manifests.

A manifest with a digest of its own can still have been written by hand. dvc.lock says which settings its stage ran with
and which contents it read, so that what the manifest says of them can be held against that, however old both are.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from morphseq_manifest.answers import changes
from morphseq_manifest.answers.changes import Change, differences
from morphseq_manifest.answers.provenance.sources import made
from morphseq_manifest.base import files
from morphseq_manifest.base.hashing import md5_bytes
from morphseq_manifest.cohort import experiments_manifest
from morphseq_manifest.cohort.ids import frame_key
from morphseq_manifest.cohort.manifests import cohort_manifest, funnel, images_manifest, part_manifest, places
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest, Contribution
from morphseq_manifest.cohort.manifests.images_manifest import (
    FRAME_WITHOUT_ROW,
    NOT_A_FRAME,
    ROW_WITHOUT_FRAME,
    ImagesManifest,
)
from morphseq_manifest.cohort.manifests.table_figures import Figures, read_figures
from morphseq_manifest.cohort.manifests.table_rows import check_header, lacking, opened
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from morphseq_manifest.tracker.dvc.folder_hash import folder_md5
from morphseq_manifest.tracker.dvc.lock_reading import StageLock
from morphseq_manifest.tracker.dvc.params_file import PARAMS

_LATENT = "z_mu_"
_EXPERIMENTS = "experiments"
# What a later table takes over from the earlier one's manifest as it is.
_TAKEN_OVER = ("frames", "segmenter", "images", "sam2", "build03")


def of_table(table: str, path: Path, manifest: CohortManifest, columns: list[str]) -> Iterator[Change]:
    """What the table itself says otherwise: embryos, wells, blank cells, usable rows, rows with latents, coverage."""
    latent = next((name for name in columns if name.startswith(_LATENT)), None)
    blanks = sorted({name for part in manifest.experiments.values() for name in part.blank})
    counted = read_figures(path, [*blanks, *([latent] if latent else [])])
    nothing = Figures(0, 0, 0, dict.fromkeys([*blanks, latent or ""], 0))
    for experiment, part in manifest.experiments.items():
        found = counted.get(experiment, nothing)
        blank = {name: found.blank[name] for name in part.blank}
        latents = found.rows - found.blank[latent] if latent else None
        now = {
            "rows": found.rows,
            "embryos": found.embryos,
            "wells": found.wells,
            "blank": blank,
            "with_latents": latents,
        }
        yield from differences(experiment, {name: getattr(part, name) for name in now}, now)
        if manifest.schema == cohort_manifest.SCHEMA:
            usable, told = _usable(table, found), {"reasons": part.reasons, **part.funnel}
            yield from differences(experiment, {name: told.get(name) for name in usable}, usable)
            yield from changes.compare("funnel", dict.fromkeys(part.funnel, 0), dict.fromkeys(funnel.STEPS[table], 0))
    rows = sum(found.rows for found in counted.values())
    with_latents = sum(found.rows - found.blank[latent] for found in counted.values()) if latent else 0
    coverage = with_latents / rows if latent and rows else None
    yield from differences(
        manifest.table, {"rows": manifest.rows, "coverage": manifest.coverage}, {"rows": rows, "coverage": coverage}
    )


def _usable(table: str, found: Figures) -> dict[str, Any]:
    """What the rows of a table say of those that are usable; df03 has no others."""
    usable = {funnel.USABLE: found.rows - found.unusable}
    why: dict[str, Any] = {"reasons": found.reasons}
    return {"df01": why, "df02": why | usable | {funnel.UNUSABLE: found.unusable}, "df03": usable}[table]


def of_lock(table: str, manifest: CohortManifest, entry: StageLock) -> Iterator[Change]:
    """What dvc.lock says otherwise of the run of the table's stage: settings, versions, segmenters, model, contents."""
    ran_with = entry.params().get(str(PARAMS), {})
    recorded = {name: value for name, value in manifest.params.items() if name in ran_with}
    yield from changes.settings(recorded, {name: ran_with[name] for name in recorded})
    versions = _of_versions(ran_with)
    yield from changes.compare("version", *_shared(manifest.versions, versions))
    listed = ran_with.get("experiments", {})
    for experiment in sorted(manifest.experiments.keys() | listed.keys()):
        part = manifest.experiments.get(experiment)
        if part is None or experiment not in listed:
            yield Change("experiment", experiment, "in it" if part else None, "in it" if experiment in listed else None)
            continue
        yield from differences(experiment, {"segmenter": part.segmenter}, listed[experiment])
        yield from changes.compare(f"version of {experiment}:", *_shared(part.versions, versions))
    if manifest.model and manifest.model not in str(entry.cmd).replace("'", " ").split():
        yield Change("model", table, manifest.model, str(entry.cmd))


def of_contents(table: str, manifest: CohortManifest, entry: StageLock, snapshot: CohortSnapshot) -> Iterator[Change]:
    """What dvc.lock says otherwise of the contents that the table was made from.

    Its stage depends on the folder of the experiments' parts. The md5 of that follows from theirs, and theirs from the
    contents that the manifest has.
    """
    sources = part_manifest.SOURCES.get(table, ())
    taken = {
        name: {source: str(getattr(part, source)) for source in sources} for name, part in manifest.experiments.items()
    }
    folder = entry.deps.get(str(places.parts(table)))
    if not sources or (folder and folder.md5 == folder_md5(_parts(table, taken))):
        return
    for name, contents in taken.items():
        yield from differences(name, contents, {source: made(source, name, snapshot)[1] for source in sources})


def _parts(table: str, taken: Mapping[str, dict[str, str]]) -> dict[str, str]:
    return {places.part(table, name).name: part_manifest.md5_of(table, name, taken[name]) for name in taken}


def of_parts(table: str, manifest: CohortManifest, snapshot: CohortSnapshot) -> Iterator[Change]:
    """What dvc.lock says otherwise of the contents that the parts of the experiments list, and of the parts."""
    for name in manifest.experiments if table in part_manifest.SOURCES else ():
        path, entry = places.part(table, name), snapshot.lock.get(f"{table}_part@{name}")
        data = snapshot.content(path)
        if entry is None or data is None or str(path) not in entry.outs:
            continue  # it has not run, or is gone, which is said as a change
        yield from differences(str(path), {"manifest": md5_bytes(data)}, {"manifest": entry.outs[str(path)].md5})
        part = part_manifest.parse(data, snapshot.name(path))
        yield from differences(str(path), {"of": [part.table, part.experiment]}, {"of": [table, name]})
        read = {source: entry.deps.get(made(source, name, snapshot)[0]) for source in part_manifest.SOURCES[table]}
        yield from differences(str(path), part.contents, {source: dep.md5 for source, dep in read.items() if dep})


def of_frames(manifest: CohortManifest, snapshot: CohortSnapshot) -> Iterator[Change]:
    """What the images manifests say otherwise, if they are still those that the table was made from."""
    for experiment, part in manifest.experiments.items():
        path = places.images(experiment)
        data = snapshot.content(path)
        if data is None or md5_bytes(data) != part.images:
            continue  # another one now, which is a change of the experiment, and said as that
        listed = images_manifest.parse(data, snapshot.name(path))
        yield from differences(experiment, {"frames": part.frames}, {"frames": len(listed.frames)})
        counts = images_manifest.count(listed.frames, images_manifest.rows_told(listed.frames, listed.problems))
        if manifest.schema == cohort_manifest.SCHEMA:
            told = funnel.of_frames(listed) | _of_embryos(experiment, part, listed, snapshot)
            yield from differences(experiment, {name: part.funnel.get(name) for name in told}, told)
        yield from differences(experiment, _fields(listed.counts), _fields(counts))
        yield from _of_names(experiment, listed)


def _of_embryos(
    experiment: str, part: Contribution, listed: ImagesManifest, snapshot: CohortSnapshot
) -> dict[str, int]:
    """What the sam2 table says of df01's part, if it is still the one that was read; later tables take that over."""
    if funnel.USABLE in part.funnel:
        return {}
    stage = snapshot.lock.get(f"sam2@{experiment}")
    outs = stage.outs if stage else {}
    path = next((snapshot.root / name for name, out in outs.items() if out.md5 == part.sam2), None)
    if path is None or not path.is_file():
        return {}
    data = files.read_bytes(path, f"`dvc checkout {path}` brings it back")
    same = md5_bytes(data) == part.sam2
    return funnel.of_embryos(data, listed.frames, part.rows, str(path)) if same else {}


def _of_names(experiment: str, listed: ImagesManifest) -> Iterator[Change]:
    """What the names of frames say otherwise of their wells and numbers, and what problems can't be so."""
    by_key = {(frame.well, frame.time_int): frame.path for frame in listed.frames}
    for key, path in by_key.items():
        if frame_key(path) != key:
            yield Change("frame", f"{experiment}/{path}", "{} {}".format(*key), frame_key(path))
    for kind, well, time_int, path in map(msgspec.structs.astuple, listed.problems):
        found = by_key.get((well, time_int))
        fits = {
            ROW_WITHOUT_FRAME: found is None and not path,
            FRAME_WITHOUT_ROW: found == path,
            NOT_A_FRAME: frame_key(path) is None and (well, time_int) == ("", -1),
        }
        if not fits.get(kind):
            yield Change("problem", f"{experiment}/{path or well}", kind, found)


def of_experiments(snapshot: CohortSnapshot) -> Iterator[Change]:
    """What dvc.lock says otherwise of the experiments that their manifest lists."""
    entry, data = snapshot.lock.get(_EXPERIMENTS), snapshot.content(places.EXPERIMENTS)
    if entry is None or data is None:
        return  # no stage of this name has run, which is said as a change
    listed = experiments_manifest.parse(data, snapshot.name(places.EXPERIMENTS)).experiments
    ran_with = entry.params().get(str(PARAMS), {}).get(_EXPERIMENTS, {})
    recorded = {name: msgspec.to_builtins(experiment) for name, experiment in listed.items()}
    yield from differences(str(places.EXPERIMENTS), recorded | dict.fromkeys(ran_with.keys() - recorded), ran_with)


def of_columns(table: str, manifest: CohortManifest, snapshot: CohortSnapshot) -> Iterator[Change]:
    """What the experiments' own tables say otherwise of the columns that some lack, if none was made anew since."""
    if table != "df01":
        return  # a later table takes them over from the earlier one
    columns = {}
    for experiment, part in manifest.experiments.items():
        name, md5 = made("build03", experiment, snapshot)
        path = snapshot.root / name
        if md5 != part.build03 or not path.is_file():
            return  # said as a change of the experiment
        with opened(path) as file:
            columns[experiment] = check_header(file.readline(), str(path))
    yield from differences(manifest.table, {"filled": manifest.filled}, {"filled": lacking(columns)})


def of_earlier(manifest: CohortManifest, entry: StageLock, snapshot: CohortSnapshot) -> Iterator[Change]:
    """What the earlier table's manifest says otherwise of what is taken over from it, if it is still the same one."""
    for path, dep in entry.deps.items():
        table = Path(path).stem
        if path != str(places.cohort(table)) or table == "experiments":
            continue
        data = snapshot.content(Path(path))
        if data is None or md5_bytes(data) != dep.md5:
            continue
        earlier = cohort_manifest.parse(data, snapshot.name(Path(path)))
        yield from differences(table, {"filled": manifest.filled}, {"filled": earlier.filled})
        yield from changes.settings(*_shared(manifest.params, earlier.params))
        yield from changes.compare("version", *_shared(manifest.versions, earlier.versions))
        for experiment, part in manifest.experiments.items():
            yield from _taken_over(experiment, part, earlier.experiments.get(experiment))


def _taken_over(experiment: str, part: Contribution, earlier: Contribution | None) -> Iterator[Change]:
    if earlier is None:
        yield Change("experiment", experiment, "in it", None)
        return
    yield from differences(experiment, *({name: getattr(one, name) for name in _TAKEN_OVER} for one in (part, earlier)))
    yield from changes.compare(f"version of {experiment}:", *_shared(part.versions, earlier.versions))
    yield from differences(experiment, earlier.funnel, part.funnel)
    if funnel.UNUSABLE in earlier.funnel:
        yield from differences(experiment, {"reasons": earlier.reasons}, {"reasons": part.reasons})


def _fields(counts: Any) -> dict[str, int]:
    return {name: getattr(counts, name) for name in counts.__struct_fields__}


def _of_versions(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix("versions."): value for name, value in settings.items() if name.startswith("versions.")}


def _shared(recorded: Mapping[str, Any], others: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of two mappings, what both speak of."""
    names = recorded.keys() & others.keys()
    return {name: recorded[name] for name in names}, {name: others[name] for name in names}
