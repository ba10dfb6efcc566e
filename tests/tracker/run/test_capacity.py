"""What stages need is never more than there is: GPUs, processors, memory; and what is not an amount is refused."""

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.run import capacity
from morphseq_manifest.tracker.run.capacity import Capacity, needs
from tests.project import Project
from tests.running import copy_of, differences, state_of, status


def stage_with(meta: dict[str, Any]) -> Stage:
    return Stage("a@b", "a", "b", "true", [], {}, [], meta, False, False)


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({}, {}), ({"warm": ["torch"], "owner": "me"}, {}), ({"gpu": 1, "cores": 4}, {"gpu": 1, "cores": 4}),
        ({"memory": "8G"}, {"memory": 8 << 30}), ({"memory": "1.5 GiB"}, {"memory": 3 << 29}),
        ({"memory": "512MB"}, {"memory": 512 << 20}), ({"memory": 1000}, {"memory": 1000}), ({"gpu": 0}, {"gpu": 0}),
    ],
)  # fmt: skip
def test_what_a_stage_needs_is_in_its_meta(meta: dict[str, Any], expected: dict[str, float]) -> None:
    assert needs(stage_with(meta)) == expected


@pytest.mark.parametrize(
    "meta",
    [{"gpu": "one"}, {"gpu": -1}, {"gpu": "2G"}, {"gpu": True}, {"gpu": 0.5}, {"gpu": [0]}, {"cores": "4 cores"},
     {"memory": "much"}, {"memory": "8 X"}, {"memory": "1..5G"}, {"memory": None}, {"cores": "."}],
)  # fmt: skip
def test_what_is_no_amount_is_refused_with_the_name_of_the_stage(meta: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"dvc.yaml: stage a@b, meta: \w+: .* is not an amount"):
        needs(stage_with(meta))


def test_a_wrong_amount_is_said_before_anything_runs(slow_states: Path, tmp_path: Path) -> None:
    project: Project = copy_of(slow_states / "nothing", tmp_path / "project")
    project.edit("dvc.yaml", "gpu: 1", "gpu: one")
    assert "meta: gpu: 'one' is not an amount" in project.morphseq("run", code=2)
    assert not (project.root / "manifests/images/20240418.json").exists()


def test_no_more_stages_than_the_share_use_a_gpu_and_the_freest_is_taken() -> None:
    room = Capacity(8, ["0", "1"], share=2)
    taken = [room.take({"gpu": 1}) for _ in range(5)]
    assert sorted(name for got in taken[:4] for name in got or ()) == ["0", "0", "1", "1"]
    assert {*map(tuple, (got or [] for got in taken[:2]))} == {("0",), ("1",)}
    assert taken[4] is None
    assert room.take({}) == [], "what needs no GPU need not wait"
    room.give_back({"gpu": 1}, ["1"])
    assert room.take({"gpu": 1}) == ["1"]


def test_a_stage_for_two_gpus_gets_two_and_for_more_than_there_are_all_of_them() -> None:
    room = Capacity(8, ["0", "1", "2"])
    assert room.take({"gpu": 2}) == ["0", "1"]
    assert room.take({"gpu": 2}) is None
    room.give_back({"gpu": 2}, ["0", "1"])
    assert room.take({"gpu": 9}) == ["0", "1", "2"]


def test_without_a_gpu_what_would_like_one_runs_without() -> None:
    assert Capacity(1, []).take({"gpu": 1}) == []


def test_what_is_too_large_for_the_machine_runs_alone() -> None:
    room = Capacity(4, [])
    large = {"cores": 64.0, "memory": capacity.memory() * 3}
    assert room.take({}) == []
    assert room.take(large) is None
    room.give_back({}, [])
    assert room.take(large) == []
    assert room.take({}) is None
    room.give_back(large, [])
    assert room.take({"memory": capacity.memory() * 0.6}) == []
    assert room.take({"memory": capacity.memory() * 0.6}) is None
    assert room.take({"memory": capacity.memory() * 0.3, "cores": 3}) == []
    assert room.take({"cores": 0}) == []
    assert room.take({}) is None


NEEDS = st.fixed_dictionaries(
    {}, optional={"gpu": st.integers(0, 4), "cores": st.integers(0, 6), "memory": st.floats(0, 1.5)}
)


@given(st.lists(NEEDS, max_size=20), st.integers(1, 4), st.integers(0, 3), st.integers(1, 2), st.randoms())
def test_whatever_is_asked_no_limit_is_passed_and_all_get_their_turn(
    wanted: list[dict[str, float]], jobs: int, devices: int, share: int, chance: Any
) -> None:
    wanted = [{**one, "memory": one.get("memory", 0) * capacity.memory()} for one in wanted]
    room = Capacity(jobs, [str(number) for number in range(devices)], share)
    running: list[tuple[dict[str, float], list[str]]] = []
    waiting = list(wanted)
    while waiting or running:
        chance.shuffle(waiting)
        for one in list(waiting):
            got = room.take(one)
            if got is not None:
                waiting.remove(one)
                running.append((one, got))
        assert running, "something can always run"
        uses = [name for _, got in running for name in got]
        assert all(uses.count(name) <= share for name in uses)
        assert all(len(set(got)) == len(got) for _, got in running)
        assert len(running) <= jobs
        if len(running) > 1:
            assert sum(one.get("cores", 1) for one, _ in running) <= jobs
            assert sum(one["memory"] for one, _ in running) <= capacity.memory() * 1.0001
        chance.shuffle(running)
        room.give_back(*running.pop())


def test_many_threads_never_pass_the_share() -> None:
    room = Capacity(16, ["0"], share=2)
    most, now, lock = [0], [0], threading.Lock()

    def use() -> None:
        for _ in range(50):
            while (got := room.take({"gpu": 1})) is None:
                pass
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            with lock:
                now[0] -= 1
            room.give_back({"gpu": 1}, got)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most[0] <= 2


@pytest.mark.parametrize(
    ("visible", "expected"),
    [("", []), ("-1", []), ("0", ["0"]), ("2,3", ["2", "3"]), ("GPU-ab,GPU-cd", ["GPU-ab", "GPU-cd"])],
)
def test_the_gpus_are_those_that_cuda_may_see(
    monkeypatch: pytest.MonkeyPatch, visible: str, expected: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert capacity.gpus() == expected


def test_a_gpu_stage_sees_only_the_gpu_it_got(
    slow_states: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_of(slow_states / "nothing", tmp_path / "project")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    end = " ${paths.tables}/${key}.csv"
    project.edit("dvc.yaml", f"{end}\n      deps", f"{end} && echo $CUDA_VISIBLE_DEVICES\n      deps")
    project.morphseq("run", "sam2", "-j", "4")
    logs = sorted((project.root / ".dvc/tmp/morphseq/logs").glob("sam2@*.log"))
    assert {log.read_text().splitlines()[-1] for log in logs} <= {"5", "7"}


def test_a_setting_of_dvc_that_would_change_what_is_left_behind_is_refused(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "nothing", tmp_path / "project")
    with (project.root / ".dvc/config").open("a") as file:
        file.write("[cache]\n    local = other\n")
    assert "DVC's setting cache.local = other is not supported here. Use `dvc repro`" in project.morphseq("run", code=2)


@pytest.mark.parametrize("kinds", [pytest.param("copy", marks=pytest.mark.slow), "reflink,copy"])
def test_files_that_are_copies_because_dvc_was_told_so_are_what_dvc_makes(
    slow_states: Path, tmp_path: Path, kinds: str
) -> None:
    projects = [copy_of(slow_states / "nothing", tmp_path / name) for name in ("ours", "dvc")]
    for project in projects:
        with (project.root / ".dvc/config").open("a") as file:
            file.write(f"[cache]\n    type = {kinds}\n")
    projects[0].morphseq("run")
    projects[1].repro()
    ours, theirs = (state_of(project.root) for project in projects)
    assert differences(ours, theirs) == []
    assert status(projects[0].root) == {}


def test_what_git_would_take_though_dvc_caches_it_goes_into_gitignore(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "nothing", tmp_path / "project")
    (project.root / ".gitignore").write_text("/data/*\n!/data/tables\n")
    project.morphseq("run")
    assert "/20240418.csv\n" in (project.root / "data/tables/.gitignore").read_text()
    assert "data/tables/20240418.csv" not in project.run("git", "status", "--porcelain", "--untracked-files=all")
