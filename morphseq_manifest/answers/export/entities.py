"""A crate's files and all that is recorded of the run, as entities of JSON-LD: told from the crate's own files alone.

So the same is told again when a crate is checked. An `@id` that begins with `#` is of something outside of the crate,
or of an action.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from morphseq_manifest.answers.export.hashes import Described
from morphseq_manifest.answers.export.run import Run
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.cohort.manifests import places
from morphseq_manifest.tracker.dvc import definition
from morphseq_manifest.tracker.dvc.folder_hash import folder_md5
from morphseq_manifest.tracker.dvc.lock_reading import StageLock, parse_settings
from morphseq_manifest.tracker.dvc.params_file import PARAMS
from morphseq_manifest.tracker.dvc.recorded import Recorded
from morphseq_manifest.tracker.dvc.stages import parents

Entity = dict[str, Any]
WORKFLOW, MAIN = str(definition.PIPELINE), "#run"
_SETTINGS = "#input/params"
_FORMATS = {
    ".json": "application/json", ".csv": "text/csv", ".parquet": "application/vnd.apache.parquet",
    ".yaml": "application/yaml", ".lock": "application/yaml", ".txt": "text/plain",
}  # fmt: skip
_TAKEN = "Taken over from what the laboratory had made before: how it was made is not known"


def id_of(path: str) -> str:
    """The `@id` of a file of the crate, or the end of another one."""
    return quote(path, safe="/@")


def refer(*names: str) -> list[dict[str, str]]:
    """References to entities."""
    return [{"@id": name} for name in names]


class Entities:
    """The entities of a crate with these files, which tell of this run."""

    def __init__(self, files: Mapping[str, Described], run: Run) -> None:
        self.files, self.run = files, run
        self._settings: dict[str, dict[str, Any]] = {}

    def all(self) -> list[Entity]:
        """All of them, in the order of their `@id`s."""
        found = {entity["@id"]: entity for entity in self._each()}
        return [found[name] for name in sorted(found)]

    def _each(self) -> Iterator[Entity]:
        for path, file in self.files.items():
            yield self.file(path, file)
        for path, md5 in self._folders.items():
            inside = sorted(name for name in self.files if name.startswith(f"{path}/"))
            parts = refer(*map(id_of, inside))
            yield {"@id": id_of(path) + "/", "@type": "Dataset", "name": path, "md5": md5, "hasPart": parts}
        for stage, entry in self.run.stages.items():
            yield from self._stage(stage, entry)
        yield from self._parameters()
        for experiment in self.run.experiments:
            yield from self._experiment(experiment)
        yield self._main()

    def file(self, path: str, file: Described) -> Entity:
        """The entity of a file of the crate."""
        entity: Entity = {"@id": id_of(path), "@type": "File", "name": path, "contentSize": str(file.size)}
        entity |= {"sha256": file.sha256, "md5": file.md5, "xxh3_128": file.xxh3_128}
        if path == WORKFLOW:
            entity |= {"input": refer(_SETTINGS), "output": refer(*(f"#output/{table}" for table in self.run.tables))}
        if path == str(PARAMS) or path in self._tables:
            entity["exampleOfWork"] = refer(_SETTINGS if path == str(PARAMS) else f"#output/{self._tables[path]}")
        return entity | {"encodingFormat": _FORMATS.get(Path(path).suffix, "application/octet-stream")}

    @cached_property
    def _tables(self) -> dict[str, str]:
        """By the path of each file of a table, the table's name."""
        outs = {path: table for table in self.run.tables for path in self.run.stages[table].outs}
        return {path: table for path, table in outs.items() if path in self.files and not path.endswith(".json")}

    @cached_property
    def _folders(self) -> dict[str, str]:
        """The folders that stages read or made and that are in the crate as they then were, with their md5."""
        inside: dict[str, dict[str, str]] = {}
        for path, file in self.files.items():
            for folder in parents(path):
                inside.setdefault(folder, {})[path.removeprefix(f"{folder}/")] = file.md5
        known = {path for entry in self.run.stages.values() for path in (*entry.deps, *entry.outs)}
        return {path: folder_md5(inside[path]) for path in sorted(known & inside.keys())}

    @cached_property
    def _models(self) -> tuple[str, ...]:
        """How the folders of models end."""
        names = [manifest.model for manifest in self.run.cohorts.values()]
        for manifest in self.run.cohorts.values():
            names += (part.segmenter for part in manifest.experiments.values())
            masks = manifest.params.get("qc_masks")
            models = masks.get("models") if isinstance(masks, dict) else None
            names += models.values() if isinstance(models, dict) else ()
        return tuple(f"/{name}" for name in sorted({str(name) for name in names if name}))

    def refer_to(self, path: str, content: Recorded) -> str:
        """The `@id` of a content that a stage read or made: of a file or folder of the crate if that is the content."""
        file = self.files.get(path)
        if file is not None and file.md5 == content.md5:
            return id_of(path)
        if self._folders.get(path) == content.md5:
            return id_of(path) + "/"
        kind = "model" if path.endswith(self._models) else "content"
        return f"#{kind}/{content.md5}/{id_of(path)}"

    def _stage(self, stage: str, entry: StageLock) -> Iterator[Entity]:
        """What a stage was when it last ran: what it read and made, its program, its settings."""
        group, _, key = stage.partition("@")
        settings = self._settings_of(entry)
        version = settings.get(f"versions.{group}")
        is_taken = group in self.run.taken.get(key, ())
        used = {} if is_taken else {self.refer_to(path, dep): (path, dep) for path, dep in entry.deps.items()}
        made = {self.refer_to(path, out): (path, out) for path, out in entry.outs.items()}
        for name, (path, content) in (used | made).items():
            if name.startswith("#"):
                yield _outside(name, path, content)
        program = f"#stage/{id_of(group)}" + ("" if version is None else f"/{version}")
        known = {} if version is None else {"softwareVersion": str(version)}
        yield {"@id": program, "@type": "SoftwareApplication", "name": group} | known
        objects = list(used)
        if settings and not is_taken:
            value = entry.params_text
            objects.append(f"#settings/{id_of(group)}/{hash_bytes(value.encode())}")
            yield {"@id": objects[-1], "@type": "PropertyValue", "name": f"settings of {group}", "value": value}
        command = entry.cmd if isinstance(entry.cmd, str) else msgspec.json.encode(entry.cmd).decode()
        action: Entity = {"@id": f"{MAIN}/{id_of(stage)}", "@type": "CreateAction", "name": stage}
        action |= {"description": _TAKEN if is_taken else command, "instrument": {"@id": program}}
        about = {"about": {"@id": f"#experiment/{id_of(key)}"}} if key in self.run.experiments else {}
        yield action | about | {"object": refer(*sorted(objects)), "result": refer(*sorted(made))}

    def _settings_of(self, entry: StageLock) -> dict[str, Any]:
        """The settings that a stage ran with; most stages of a group have the same text."""
        text = entry.params_text
        if text not in self._settings:
            files = parse_settings(text)
            self._settings[text] = {name: value for values in files.values() for name, value in values.items()}
        return self._settings[text]

    def _parameters(self) -> Iterator[Entity]:
        """What the workflow takes and gives."""
        yield {"@id": _SETTINGS, "@type": "FormalParameter", "additionalType": "File", "name": "params",
               "description": "The experiments and the settings", "workExample": refer(str(PARAMS))}  # fmt: skip
        for table in self.run.tables:
            examples = refer(*sorted(id_of(path) for path, name in self._tables.items() if name == table))
            yield {"@id": f"#output/{table}", "@type": "FormalParameter", "additionalType": "File", "name": table,
                   "description": f"The table {table}, as text and with types", "workExample": examples}  # fmt: skip

    def _experiment(self, experiment: str) -> Iterator[Entity]:
        """An experiment, with the digest of its frames, and its rows in each table, with theirs."""
        name = f"#experiment/{id_of(experiment)}"
        parts = []
        for table, manifest in self.run.cohorts.items():
            if (part := manifest.experiments.get(experiment)) is not None:
                parts.append(f"{name}/{table}")
                yield {"@id": parts[-1], "@type": "PropertyValue", "name": f"rows of {experiment} in {table}",
                       "value": part.rows, "unitText": "rows", "xxh3_128": part.contributed}  # fmt: skip
        entity: Entity = {"@id": name, "@type": "CreativeWork", "name": experiment, "additionalProperty": refer(*parts)}
        if experiment in self.run.frames:
            entity |= {"xxh3_128": self.run.frames[experiment]}
            entity |= {"hasPart": refer(id_of(str(places.images(experiment))))}
        yield entity

    def _main(self) -> Entity:
        """The run as a whole: from what no stage has made, to the tables and manifests."""
        outs = {self.refer_to(path, out) for entry in self.run.stages.values() for path, out in entry.outs.items()}
        used = {self.refer_to(path, dep) for entry in self.run.stages.values() for path, dep in entry.deps.items()}
        objects = [name for name in sorted(used - outs) if name.startswith("#")]
        results = [name for name in sorted(outs) if not name.startswith("#")]
        return {
            "@id": MAIN, "@type": "CreateAction", "name": f"The run that made {', '.join(self.run.tables)}",
            "description": "What dvc.lock has of the stages that the tables come from", "instrument": {"@id": WORKFLOW},
            "object": refer(*objects, str(PARAMS)), "result": refer(*results),
        }  # fmt: skip


def _outside(name: str, path: str, content: Recorded) -> Entity:
    """A content that is not in the crate."""
    entity: Entity = {"@id": name, "@type": "CreativeWork", "name": path, "md5": content.md5}
    if content.size is not None:
        entity["contentSize"] = str(content.size)
    return entity | ({} if content.nfiles is None else {"description": f"A folder of {content.nfiles} files"})
