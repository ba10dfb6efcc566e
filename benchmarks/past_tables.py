"""Figures of tables as of a commit, at the lab's scale: shown, compared, and searched for a change."""

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pandas as pd

from benchmarks.figures import Figure, command, cpu_and_wall, may_fail
from benchmarks.past import Past, contribution
from benchmarks.synthetic import other_stages, table_lines
from morphseq_manifest.cohort.manifests import places

_TABLE = "df03"
_COMMITS = 500


def figures(quick: bool, folder: Path) -> Iterator[Figure]:
    """In a project of two states of a table, which differ in one experiment of 133; and one of many commits."""
    past = Past(folder / "past", _TABLE)
    rows = 70_000 if quick else 700_000
    header, blocks = table_lines(rows)
    names = list(blocks)
    past.others = other_stages(names)
    past.commit(header, blocks, "First")
    past.git("tag", "v1")
    before = (past.root / past.place).read_bytes()
    changed = blocks | {names[60]: _edited(blocks[names[60]])}
    past.commit(header, changed, "Second")
    past.git("tag", "v2")
    yield from showing(past, names[100], quick)
    yield from comparing(past, before, quick)
    yield searching(past, header, blocks, 60 if quick else _COMMITS)


def _edited(lines: bytes) -> bytes:
    """The lines with another last cell in every third."""
    return b"".join(
        line.rpartition(b",")[0] + b",7\n" if number % 3 == 0 else line
        for number, line in enumerate(lines.splitlines(keepends=True))
    )


def showing(past: Past, experiment: str, quick: bool) -> Iterator[Figure]:
    """The rows of one experiment as of a commit: the first on the screen, and all of them against DVC's own reading.

    That reads the whole table: it is measured with the rows picked out of it, line by line, and alone.
    """
    words = ("show", _TABLE, "--rev", "v1", "--experiments", experiment)
    waits = sorted(_until_the_first_row(past.root, words) for _ in range(7))
    yield Figure("show --rev, an experiment: s to the first row", waits[3], 0.1)
    ours = cpu_and_wall(command("morphseq", *words, folder=past.root), 15)
    reading = f"import sys, dvc.api; text = dvc.api.read({str(past.place)!r}, rev='v1')"
    picking = f"lines = text.splitlines(True); sys.stdout.writelines(l for l in lines if l.startswith('{experiment},'))"
    least = 5 if quick else 15  # start-up weighs more on a tenth of the rows
    for name, program in (
        ("the same rows by dvc.api.read", f"{reading}; {picking}"),
        ("dvc.api.read alone", f"{reading}; assert len(text) > 1000"),
    ):
        theirs = cpu_and_wall(command(sys.executable, "-c", program, folder=past.root), 1 if quick else 3)
        note = f"{ours} against {theirs}"
        yield Figure(f"show --rev: times less CPU than {name}", theirs.cpu / ours.cpu, least, at_least=True, note=note)


def _until_the_first_row(root: Path, words: tuple[str, ...]) -> float:
    begun = time.perf_counter()
    program = Path(sys.executable).parent / "morphseq"
    with subprocess.Popen([program, *words], cwd=root, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        took = time.perf_counter() - begun
        process.stdout.read()
    return took


def comparing(past: Past, before: bytes, quick: bool) -> Iterator[Figure]:
    """`diff --rows` of both states against a full outer join in pandas, within its own process."""
    ours = cpu_and_wall(may_fail("morphseq", "diff", "v1", "v2", "--rows", _TABLE, folder=past.root), 3)
    yield Figure("diff --rows of two tables, one changed: s", ours.wall, 2, note=str(ours))
    after = (past.root / past.place).read_bytes()
    begun = time.perf_counter()
    frames = [pd.read_csv(io.BytesIO(data), dtype=str, na_filter=False) for data in (before, after)]
    both = frames[0].merge(frames[1], on=["experiment_date", "snip_id"], how="outer", indicator=True)
    common = [name for name in frames[0].columns if f"{name}_x" in both]
    differing = sum(int((both[f"{name}_x"] != both[f"{name}_y"]).sum()) for name in common)
    assert differing > 0
    took = time.perf_counter() - begun
    note = f"{ours.wall:.2f} s against {took:.1f} s"
    bound = 5 if quick else 20
    yield Figure("diff --rows: times a pandas outer join", took / ours.wall, bound, at_least=True, note=note)


def searching(past: Past, header: str, blocks: dict[str, bytes], commits: int) -> Figure:
    """`bisect` over many commits of the manifest, each with other counts, written as git's own import takes them."""
    chance = Random(0)
    parts = {name: contribution(lines, header) for name, lines in blocks.items()}
    stream = io.BytesIO()
    origin = past.git("rev-parse", "HEAD")
    for number in range(commits):
        name = chance.choice(list(parts))
        parts[name] = contribution(blocks[name][: 2000 + 10 * number].rpartition(b"\n")[0] + b"\n", header)
        data = past.manifest(parts, f"{number:032x}", header)
        start = f"from {origin}\n" if number == 0 else ""  # the others follow it
        who = f"committer A <a@example.org> {1_700_000_000 + number} +0000"
        head = f"commit refs/heads/main\n{who}\ndata 5\nState\n{start}"
        stream.write(f"{head}M 100644 inline {places.cohort(_TABLE)}\ndata {len(data)}\n".encode() + data + b"\n")
    subprocess.run(["git", "fast-import", "--quiet"], cwd=past.root, input=stream.getvalue(), check=True)
    taken = cpu_and_wall(command("morphseq", "bisect", _TABLE, "--when", "rows", folder=past.root), 3)
    said = subprocess.run(
        [Path(sys.executable).parent / "morphseq", "bisect", _TABLE, "--when", "rows"], cwd=past.root,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    title = said.stdout.partition("\n")[0]
    assert f" of {commits + 2} commits" in title, title
    return Figure(f"bisect of {commits} commits: s", taken.wall, 5, note=str(taken))
