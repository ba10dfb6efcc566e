"""Figures of `morphseq export` and `verify --crate`, at the lab's scale: 133 experiments, 700,000 rows."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, command, cpu_and_wall
from benchmarks.planted_tables import WithTables
from benchmarks.synthetic import table_lines

_WELLS = [f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 13)]
_TYPED_BYTES = 150_000_000


def figures(quick: bool) -> Iterator[Figure]:
    """A crate of df03, as a zip, as a folder and of a commit, and checking one; start-up included."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        header, blocks = table_lines(70_000 if quick else 700_000)
        planted = WithTables(root, blocks, _WELLS, 4 if quick else 41)
        planted.make(header, blocks, os.urandom(_TYPED_BYTES // (10 if quick else 1)))
        crates = {"zip": Path(folder) / "df03.zip", "folder": Path(folder) / "df03"}
        for name, path in crates.items():
            taken = cpu_and_wall(command("morphseq", "export", "df03", "--output", path, folder=root), 3)
            yield Figure(f"export of 133 experiments as a {name}: s", taken.wall, 5, note=str(taken))
        words = ("export", "df03", "--rev", "HEAD", "--output", crates["zip"])
        taken = cpu_and_wall(command("morphseq", *words, folder=root), 3)
        yield Figure("export of 133 experiments as of a commit: s", taken.wall, 5, note=str(taken))
        for name, path in crates.items():
            taken = cpu_and_wall(command("morphseq", "verify", "--crate", path, folder=Path(folder)), 3)
            size = os.path.getsize(path) / 1e6 if path.is_file() else 0  # noqa: PTH202
            note = f"{taken}{f'; {size:.0f} MB' if size else ''}"
            yield Figure(f"verify --crate of a {name}: s", taken.wall, 5, note=note)
