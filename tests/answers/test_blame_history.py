"""Which commit last changed something, in histories with branches and merges of any shape."""

import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from morphseq_manifest.answers.blame.history import FileHistory
from morphseq_manifest.base import git_history

_FILES = ("a.txt", "deep/b.txt", "c.txt")
# By commit, in the order in which they were made: its parents, and the files in it.
_Graph = dict[str, tuple[list[str], dict[str, str]]]


def plant(root: Path, draw: random.Random, count: int) -> _Graph:
    """Make a repository whose commits each have up to three parents, and files that are theirs or new, or gone."""
    root.mkdir()
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=root, check=True)
    marks: list[tuple[list[int], dict[str, str]]] = []
    script = []
    for number in range(1, count + 1):
        recent = list(range(max(1, number - 6), number))
        parents = draw.sample(recent, min(len(recent), draw.choice([1, 1, 1, 2, 3]))) if draw.random() < 0.97 else []
        files = {}
        for name in _FILES:
            values = [marks[parent - 1][1].get(name) for parent in parents] or ["0"]
            value = draw.choice([draw.choice(values), values[0], values[0], draw.choice(["0", "1", "2", None])])
            files |= {name: value} if value is not None else {}
        marks.append((parents, files))
        script += [] if parents else ["reset refs/heads/main\n\n"]  # or else the one before would be its parent
        script.append(f"commit refs/heads/main\nmark :{number}\ncommitter T <t@example.org> {number} +0000\ndata 0\n")
        script += [f"{'merge' if at else 'from'} :{parent}\n" for at, parent in enumerate(parents)]
        script.append("deleteall\n" if parents else "")
        script += [f"M 100644 inline {name}\ndata {len(value)}\n{value}\n" for name, value in files.items()]
    subprocess.run(
        ["git", "fast-import", "--quiet", "--force", "--export-marks=marks"],
        cwd=root, input="".join(script).encode(), check=True,
    )  # fmt: skip
    ids = dict(line.split() for line in (root / "marks").read_text().splitlines())
    commits = [ids[f":{number}"] for number in range(1, count + 1)]
    return {
        commit: ([commits[parent - 1] for parent in parents], files)
        for commit, (parents, files) in zip(commits, marks, strict=True)
    }


def can_be(graph: _Graph, head: str, name: str, value: Any) -> set[str]:
    """The commits that gave a file the value that it has: reached by commits that have it, from none that had it."""
    waiting, seen = [head], {head}
    while waiting:
        for parent in graph[waiting.pop()][0]:
            if graph[parent][1].get(name) == value and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return {commit for commit in seen if not any(parent in seen for parent in graph[commit][0])}


@pytest.mark.parametrize("seed", range(30))
def test_the_commit_named_gave_the_file_its_value(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    root = tmp_path / "repository"
    graph = plant(root, draw, 40)
    for head in draw.sample([*graph], 8):
        versions = git_history.versions(root, head, _FILES)
        with git_history.objects(root) as read:
            for name in _FILES:
                history = FileHistory(name, versions, lambda blob: read(blob) or b"", lambda data: {"": data.decode()})
                value = graph[head][1].get(name)
                assert history.now().get("") == value
                origin = history.origin(lambda values: values.get(""), value)
                # A file that nothing in the history has is in none of the commits that git tells of.
                assert origin in can_be(graph, head, name, value) or (value is None and not history.is_known)
