"""Figures of the cohort's tables, at the lab's scale: 133 experiments, 700,000 rows of 60 columns, about 450 MB."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmarks.figures import Figure, alternating, command, peak_memory
from benchmarks.synthetic import EXPERIMENTS, ROWS, lock_table, synthesise
from morphseq_manifest.answers.provenance import membership
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from stages.files import layout

DF01 = layout.cohort_table("df01")


def figures(quick: bool) -> Iterator[Figure]:
    """`morphseq provenance` against reading the table, and building df01 against pandas and against `cat`."""
    rows, runs = (ROWS // 5, 3) if quick else (ROWS, 5)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        names = synthesise(root, EXPERIMENTS, rows)
        yield from building(root, names, runs, quick)
        lock_table(root, "df01")
        commit(root)
        yield from asking(root, runs, quick)


def building(root: Path, names: list[str], runs: int, quick: bool) -> Iterator[Figure]:
    """The whole process of the stage df01, start-up included, against both others within theirs."""
    parts = [root / layout.build03_table(name) for name in names]

    def by_pandas() -> None:
        whole = pd.concat([pd.read_csv(part) for part in parts])
        whole.to_csv(root / "pandas.csv", index=False)
        whole.to_parquet(root / "pandas.parquet")

    def by_cat() -> None:
        with (root / "cat.csv").open("wb") as out:
            subprocess.run(["cat", *parts], stdout=out, check=True)
            os.fsync(out.fileno())
        (root / "cat.csv").unlink()

    stage = command(sys.executable, "-m", "stages.df01", folder=root)
    ours, cat = alternating(stage, by_cat, runs)
    bound = 6 if quick else 3  # start-up weighs more on a fifth of the rows
    note = f"{ours:.2f} s against {cat:.2f} s"
    yield Figure("df01: times cat into a new file with fsync", ours / cat, bound, note=note)
    ours, pandas = alternating(stage, by_pandas, 1)
    (root / "pandas.csv").unlink()
    (root / "pandas.parquet").unlink()
    yield Figure(
        "df01: times faster than pandas", pandas / ours, 5, at_least=True, note=f"{ours:.2f} s against {pandas:.2f} s"
    )
    yield Figure("df01: peak memory, MiB", peak_memory([sys.executable, "-m", "stages.df01"], root), 1024)


def asking(root: Path, runs: int, quick: bool) -> Iterator[Figure]:
    """`morphseq provenance` and `pandas.read_csv`: calls within a running process, and whole processes."""

    def read() -> None:
        pd.read_csv(root / DF01)

    note_more = ", start-up weighs more on a fifth of the rows" if quick else ""
    ours, pandas = alternating(lambda: membership.examine("df01", CohortSnapshot(root)), read, runs)
    note = f"{ours:.4f} s against {pandas:.2f} s, both called in a running process"
    yield Figure("provenance of df01, a call: share of pandas.read_csv", ours / pandas, 1 / 20, note=note)
    reading = command(sys.executable, "-c", f"import pandas; pandas.read_csv({str(DF01)!r})", folder=root)
    ours, pandas = alternating(command("morphseq", "provenance", "df01", folder=root), reading, runs)
    note = f"{ours:.3f} s against {pandas:.2f} s, both from start to end{note_more}"
    yield Figure(
        "morphseq provenance df01: share of the same by pandas", ours / pandas, 4 / 20 if quick else 1 / 20, note=note
    )
    ours, pandas = alternating(command("morphseq", "provenance", "df01", "--check", folder=root), read, runs)
    note = f"{ours:.3f} s against {pandas:.2f} s"
    yield Figure("provenance df01 --check: share of pandas.read_csv", ours / pandas, 1 / 2, note=note)
    swap_last_digit(root / DF01)
    checking = ["morphseq", "provenance", "df01", "--check"]

    def check_changed() -> None:
        done = subprocess.run(
            [Path(sys.executable).parent / checking[0], *checking[1:]], cwd=root, capture_output=True, check=False
        )
        assert done.returncode == 3, done

    ours, pandas = alternating(check_changed, read, runs)
    note = f"{ours:.3f} s against {pandas:.2f} s, and the rows of its experiment read"
    yield Figure("the same where a row was changed", ours / pandas, 1 / 2, note=note)


def swap_last_digit(path: Path) -> None:
    """Change the last digit of a table."""
    with path.open("r+b") as file:
        file.seek(-2, os.SEEK_END)
        digit = file.read(1)
        file.seek(-2, os.SEEK_END)
        file.write(b"1" if digit != b"1" else b"2")


def commit(root: Path) -> None:
    """Make the project a repository with the records committed."""
    git = shutil.which("git") or "git"
    identity = ["-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.org"]
    for words in (
        ["init", "--quiet"],
        ["add", "params.yaml", "dvc.lock", "manifests"],
        [*identity, "commit", "--quiet", "--message=State"],
    ):
        subprocess.run([git, *words], cwd=root, check=True)
