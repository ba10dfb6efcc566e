"""A planted project that has its tables, too: in place and in DVC's cache, with manifests that say what is in them."""

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.past import contribution
from benchmarks.planted import TABLES, Planted
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.cohort import experiments_manifest, typed_tables
from morphseq_manifest.cohort.experiments import Experiment
from morphseq_manifest.cohort.manifests import canonical, cohort_manifest, part_manifest, places
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest
from morphseq_manifest.tracker.dvc import lock_entries
from morphseq_manifest.tracker.dvc.lock_entries import Item
from morphseq_manifest.tracker.dvc.stages import Stage
from stages.files import layout

_AUTHOR = ("-c", "user.name=Lab", "-c", "user.email=lab@example.org")


class WithTables(Planted):
    """The project, in which every table has these lines of each experiment; a typed copy is any bytes, `copy`."""

    header, copy = "", b""
    blocks: Mapping[str, bytes] = {}

    def make(self, header: str, blocks: Mapping[str, bytes], copy: bytes) -> None:
        """Write everything, as if it had run, and commit it."""
        self.header, self.blocks, self.copy = header, blocks, copy
        self.start()
        self.write()
        self.run()
        self.git("add", "--all")
        self.git(*_AUTHOR, "commit", "--quiet", "--message", "Everything has run")

    def git(self, *words: str) -> None:
        """Run git in the project."""
        environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True, env=environment)

    def _entry(self, stage: Stage, made: dict[str, Item]) -> lock_entries.Entry:
        if stage.group in {"df01_part", "df03_part"}:
            table, name = stage.group.removesuffix("_part"), stage.key or ""
            part = canonical.dump(part_manifest.of(table, name, {"sam2": hash_bytes(name.encode())}))
            self._put(str(places.part(table, name)), part)
        elif stage.name == "experiments":
            listed = {name: Experiment(**said) for name, said in self.settings["experiments"].items()}
            experiments_manifest.write(self.root / places.EXPERIMENTS, listed)
        elif stage.name in TABLES:
            path = layout.cohort_table(stage.name)
            self._put(str(path), b"".join([self.header.encode() + b"\n", *self._lines()]))
            self._put(str(path.with_suffix(typed_tables.SUFFIX)), self.copy)
        entry = super()._entry(stage, made)
        if stage.name in TABLES:
            self._keep(entry.outs)
        return entry

    def _lines(self) -> Iterable[bytes]:
        return (self.blocks[name] for name in sorted(self.blocks))

    def _cohort_manifest(self, table: str, came: str, made: Mapping[str, Item]) -> bytes:
        path = self.root / layout.cohort_table(table)
        parts = {name: contribution(lines, self.header) for name, lines in self.blocks.items()}
        rows, columns = sum(part.rows for part in parts.values()), self.header.count(",") + 1
        manifest = CohortManifest(
            cohort_manifest.SCHEMA, path.name, hash_bytes(path.read_bytes()), rows, columns, {},
            {"qc_masks": self.settings["qc_masks"]}, {}, self.settings["model_name"], None, parts, "",
        )  # fmt: skip
        return canonical.dump(canonical.seal(manifest))

    def _keep(self, outs: Sequence[Item]) -> None:
        """Have DVC's cache hold what is not in git."""
        for out in outs:
            place = Path(f"{self.root}/.dvc/cache/files/md5/{out.md5[:2]}/{out.md5[2:]}")
            if not out.path.startswith(f"{places.FOLDER}/") and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes((self.root / out.path).read_bytes())
                place.chmod(0o444)
