"""What `morphseq run` shows where someone watches: each stage is counted once, by what was told of it last."""

import io

from rich.console import Console

from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.run.outcome import End, Result
from morphseq_manifest.tracker.run.view import _Board


def stages(count: int) -> list[Stage]:
    return [
        Stage(f"images@{number}", "images", str(number), "true", [], {}, [], {}, frozen=False, always_changed=False)
        for number in range(count)
    ]


def shown(board: _Board) -> dict[str, str]:
    """The one line of a board, by the heads of its columns, each of which ends where its value does."""
    page = io.StringIO()
    Console(file=page, width=120).print(board)
    head, line = page.getvalue().splitlines()
    found, begin = {}, 0
    for name in ("group", "done", "running", "waiting", "up to date", "restored", "failed", "left"):
        end = len(line) if name == "left" else max(head.index(name) + len(name), len("images"))
        found[name], begin = line[begin:end].strip(), end
    return found


def counts(board: _Board) -> dict[str, str]:
    return {name: value for name, value in shown(board).items() if value not in {"0", "", "images"}}


def test_a_stage_is_counted_where_it_is_now() -> None:
    first, second, third = known = stages(3)
    board = _Board(known)
    assert counts(board) == {"waiting": "3", "left": "?"}
    board.started(first)
    assert counts(board) == {"running": "1", "waiting": "2", "left": "?"}
    board.ended(Result(first.name, End.RAN, seconds=4))
    assert counts(board) == {"done": "1", "waiting": "2", "left": "8.0 s"}
    board.started(second)
    board.started(third)
    assert counts(board) == {"done": "1", "running": "2", "left": "4.0 s"}
    board.ended(Result(second.name, End.FAILED, why="it ended with 1"))
    board.ended(Result(third.name, End.RESTORED))
    assert counts(board) == {"done": "1", "restored": "1", "failed": "1"}


def test_a_stage_that_is_told_of_again_is_counted_once() -> None:
    first, second = known = stages(2)
    board = _Board(known)
    for stage in known:
        board.ended(Result(stage.name, End.UP_TO_DATE))
    assert counts(board) == {"up to date": "2"}
    board.started(second)
    assert counts(board) == {"running": "1", "up to date": "1", "left": "?"}
    board.ended(Result(second.name, End.RAN, seconds=1))
    assert counts(board) == {"done": "1", "up to date": "1"}
    board.ended(Result(first.name, End.BLOCKED, why="images@1 failed"))
    assert counts(board) == {"done": "1", "failed": "1"}
