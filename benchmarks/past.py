"""A project with a past: states of a table, each a commit with its manifest and dvc.lock, contents in DVC's cache.

Nothing has run: the records are what the stage would have written of these rows.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from morphseq_manifest.base.hashing import hash_bytes, md5_bytes
from morphseq_manifest.cohort.manifests import canonical, cohort_manifest, places
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest, Contribution
from stages.files import layout

_IDENTITY = ("-c", "user.name=Past", "-c", "user.email=past@example.org")


class Past:
    """The project in `root`, with a history of the table `name`."""

    def __init__(self, root: Path, name: str = "df03") -> None:
        self.root, self.name = root, name
        self.place = layout.cohort_table(name)
        self.others = ""  # what dvc.lock has of other stages
        (root / ".dvc").mkdir(parents=True)
        (root / ".dvc/config").write_text("[core]\n    analytics = false\n")
        (root / ".gitignore").write_text("/.dvc/cache\n/.dvc/tmp\n/data\n")
        (root / "dvc.yaml").write_text(f"stages:\n  {name}:\n    cmd: make it\n    outs:\n    - {self.place}\n")

    def git(self, *words: str) -> str:
        """What git says."""
        done = subprocess.run(
            ["git", *_IDENTITY, *words], cwd=self.root, capture_output=True, text=True, check=True,
            env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, header: str, blocks: Mapping[str, bytes], message: str = "Another state") -> str:
        """Record a table of these lines of each experiment; the commit's id."""
        if not (self.root / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")
        self.write(header, blocks)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def write(self, header: str, blocks: Mapping[str, bytes]) -> None:
        """The table in its place and in the cache, its manifest, and dvc.lock."""
        data = b"".join([header.encode() + b"\n", *(blocks[name] for name in sorted(blocks))])
        parts = {name: contribution(blocks[name], header) for name in sorted(blocks)}
        md5 = md5_bytes(data)
        for path in (self.root / self.place, self.root / f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.suffix:
                path.unlink(missing_ok=True)
                path.write_bytes(data)
        path.chmod(0o444)
        (self.root / places.FOLDER).mkdir(exist_ok=True)
        (self.root / places.cohort(self.name)).write_bytes(self.manifest(parts, hash_bytes(data), header))
        entry = f"    - path: {self.place}\n      hash: md5\n      md5: {md5}\n      size: {len(data)}\n"
        lock = f"schema: '2.0'\nstages:\n{self.others}  {self.name}:\n    cmd: make it\n    outs:\n{entry}"
        (self.root / "dvc.lock").write_text(lock)

    def manifest(self, parts: Mapping[str, Contribution], digest: str, header: str) -> bytes:
        """The canonical bytes of a manifest of a table with these parts."""
        rows, columns = sum(part.rows for part in parts.values()), header.count(",") + 1
        manifest = CohortManifest(
            cohort_manifest.SCHEMA, self.place.name, digest, rows, columns, {}, {}, {}, None, None, dict(parts), ""
        )
        return canonical.dump(canonical.seal(manifest))


def contribution(lines: bytes, header: str) -> Contribution:
    """What an experiment with these lines is in the table."""
    rows = [line.split(b",", 4) for line in lines.splitlines()]
    return Contribution(
        len(rows), len({row[2] for row in rows}), len({row[1] for row in rows}), len(rows), hash_bytes(lines),
        "threshold", "0" * 32, "0" * 32, "0" * 32, {}, {},
    )  # fmt: skip


def lines(rows: Sequence[Sequence[str]]) -> bytes:
    """Rows of cells without commas as lines."""
    return "".join(",".join(row) + "\n" for row in rows).encode()
