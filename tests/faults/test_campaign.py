"""A short form of each part of the campaign; `make campaign` is the long one."""

from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from tests.conftest import Once
from tests.faults.campaign import __main__ as campaign
from tests.faults.campaign import faulty
from tests.faults.campaign.attempts import Attempt, guarded
from tests.faults.campaign.faulty import Fault
from tests.faults.campaign.part import Part
from tests.faults.campaign.parts import PARTS
from tests.running import copy_of

# How many kinds of each part are tried once; `edits` are those of tests/tracker/freshness/test_verdict.py.
_KINDS = {"calls": 12, "kills": 8, "full": 4, "files": 25, "users": 8, "clones": 8}


@pytest.mark.slow
@pytest.mark.parametrize("name", _KINDS)
def test_a_short_campaign_finds_nothing(name: str, once: Once, tmp_path: Path) -> None:
    part = PARTS[name]
    if why := part.hinders():
        pytest.skip(why)

    def build(folder: Path) -> None:
        folder.mkdir()
        part.prepare(folder)

    prepared = once(f"campaign-{part.prepare.__module__}-{part.prepare.__name__}", build)
    rounds, chance = part.rounds(prepared), Random(0)
    for kind in chance.sample(sorted(rounds), min(len(rounds), _KINDS[name])):
        attempt = Attempt(name, kind, chance.randrange(rounds[kind]), seed=0)
        assert guarded(attempt, prepared, tmp_path) == [], attempt


@pytest.mark.slow
@pytest.mark.skipif(bool(faulty.hinders()), reason=faulty.hinders())
def test_a_killed_dvc_can_leave_its_lock_empty_which_is_refused(slow_states: Path, tmp_path: Path) -> None:
    command = ("dvc", "repro", "df03")
    writes = faulty.run(
        copy_of(slow_states / "edited", tmp_path / "it"), command, Fault("write", 0, "kill"), "dvc"
    ).calls
    for at in range(writes, 0, -1):
        project = copy_of(slow_states / "edited", tmp_path / "it")
        faulty.run(project, command, Fault("write", at, "kill"), "dvc")
        if not (project.root / "dvc.lock").read_bytes():
            break
    assert "git checkout dvc.lock" in project.morphseq("status", code=3)


def _finds(prepared: Path, folder: Path, kind: str, number: int, chance: Random) -> list[str]:
    match kind:
        case "fault":
            return [f"fault \x1b {number}"]
        case "crash":
            raise SystemExit(3)
        case _:
            return []


def _toy(folder: Path) -> None:
    (folder / "made").touch()


def test_a_campaign_says_what_it_found_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Attempt] = []

    def at_once(attempt: Attempt, prepared: Path, folder: Path) -> list[str]:
        assert (prepared / "made").exists()
        tried.append(attempt)
        return _finds(prepared, folder, attempt.kind, attempt.number, Random(0))

    part = Part("toy", _toy, lambda prepared: {"nothing": 3, "fault": 2}, _finds)
    lame = Part("lame", _toy, lambda prepared: {}, _finds, lambda: "no legs")
    monkeypatch.setattr(campaign, "PARTS", {"toy": part, "lame": lame})
    monkeypatch.setattr(campaign, "guarded", at_once)
    monkeypatch.chdir(tmp_path)
    none = CliRunner().invoke(campaign.main, ["toy", "--minutes", "-1", "-j", "1"])
    assert none.exit_code == 2
    assert len(tried) == 1
    found = CliRunner().invoke(campaign.main, ["toy", "-j", "1"])
    assert found.exit_code == 1
    assert "toy, fault, round 1: fault \\x1b 1" in found.output
    assert found.output.splitlines()[-1].split() == ["toy", "2", "5", "5", "2"]
    assert [(attempt.kind, attempt.number) for attempt in tried] == [
        ("nothing", 0), ("fault", 0), ("nothing", 1), ("fault", 1), ("nothing", 2),
    ]  # fmt: skip
    assert CliRunner().invoke(campaign.main, ["toy", "-j", "1"]).exit_code == 1
    assert len(tried) == 5, "nothing is tried twice"
    hindered = CliRunner().invoke(campaign.main, ["lame"])
    assert hindered.exit_code == 2
    assert "lame: not tried: no legs" in hindered.output
    assert "no part nonsense" in CliRunner().invoke(campaign.main, ["nonsense"]).output
