"""What `morphseq run` is asked to do: targets and options, what they choose, and what is said of it."""

import os
import pty
import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.cohort import params
from morphseq_manifest.tracker.dvc import definition
from morphseq_manifest.tracker.dvc.graph import Graph
from morphseq_manifest.tracker.dvc.resolving import resolve
from morphseq_manifest.tracker.run import plan_view
from morphseq_manifest.tracker.run.targets import choose
from tests.project import REPOSITORY, Project
from tests.running import blocks, copy_of, named, run_json, state_of

ONE, OTHER, ODD = "20240418", "20250305_1", "odd_v1.2"
PLATES = ("20250101", "20250102_snapshot", "SimFish_awkward_v1.2_b")
PER_PLATE = ("images", "qc_masks", "sam2", "build03", "df01_part", "snips", "latents", "df03_part")


@pytest.fixture(scope="module")
def graph() -> Graph:
    """The graph of the project itself."""
    values = params.read(REPOSITORY).values
    return Graph(
        resolve(definition.parse((REPOSITORY / "dvc.yaml").read_bytes(), "dvc.yaml"), lambda path: values, "dvc.yaml")
    )


def of(plate: str, *groups: str) -> set[str]:
    return {f"{group}@{plate}" for group in groups}


COHORT = {"experiments", "wells", "df01", "df02", "df03"}
EVERYTHING = {f"{group}@{plate}" for group in PER_PLATE for plate in PLATES} | COHORT
NO_LATENTS = {name for name in EVERYTHING if not name.startswith(("snips", "latents", "df03"))}


@pytest.mark.parametrize(
    ("targets", "options", "expected"),
    [
        ([], {}, EVERYTHING),
        (["df03"], {}, EVERYTHING),
        (["df02"], {}, NO_LATENTS),
        (["build03@20250101"], {}, of("20250101", "images", "qc_masks", "sam2", "build03") | {"wells"}),
        (["sam2"], {}, {f"{group}@{plate}" for group in ("images", "sam2") for plate in PLATES}),
        (["sam2"], {"keys": ["20250101"]}, of("20250101", "images", "sam2")),
        ([], {"keys": ["20250101"]}, of("20250101", *PER_PLATE) | {"wells"}),
        (["df02"], {"keys": ["20250101"]},
         of("20250101", "images", "qc_masks", "sam2", "build03", "df01_part")
         | {"experiments", "wells", "df01", "df02"}),
        (["build03@20250101"], {"alone": True}, of("20250101", "build03")),
        (["build03@20250101"], {"alone": True, "with_downstream": True},
         of("20250101", "build03", "df01_part") | {"df01", "df02", "df03"}),
        (["latents"], {"with_downstream": True, "keys": ["20250101"], "alone": True},
         of("20250101", "latents", "df03_part") | {"df03"}),
        (["df02"], {"with_downstream": True}, EVERYTHING),
        (["df03", "df03"], {"alone": True}, {"df03"}),
    ],
)  # fmt: skip
def test_a_target_stands_for_its_stages_and_what_comes_before_them(
    graph: Graph, targets: list[str], options: dict[str, Any], expected: set[str]
) -> None:
    choice = choose(graph, targets, options.pop("keys", None), **options)
    assert set(choice.stages) == expected
    assert choice.stages == [name for name in graph.as_dvc_runs(graph.stages) if name in expected]


@pytest.mark.parametrize(
    ("target", "said"),
    [("sam3", "Did you mean 'sam2'?"), ("build3@20250101", "Did you mean 'build03@20250101'?"),
     ("quite else", "is not a stage or group of dvc.yaml"), ("", "is not a stage")],
)  # fmt: skip
def test_an_unknown_target_is_named_with_the_nearest_known_one(graph: Graph, target: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        choose(graph, [target])


@pytest.fixture
def edited(slow_states: Path, tmp_path: Path) -> Project:
    """The toy project, in which a frame, a setting and a command have changed since it ran."""
    return copy_of(slow_states / "edited", tmp_path / "project")


def test_the_lab_s_names_are_understood(edited: Project) -> None:
    def planned(*targets: str) -> list[str]:
        output = edited.morphseq("run", "--dry-run", "--json", *targets, code=1)
        return [row["stage"] for row in msgspec.json.decode(output)["stages"]]

    assert planned("e2e") == planned() == planned("sam2", "e2e")
    assert planned("build06") == planned("df03")


def test_a_plan_of_many_stages_is_a_line_a_group_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, Any]] = [
        {"stage": f"{group}@{key}", "plan": "runs", "why": f"data/{key}.csv modified" if key else "has not run yet"}
        for group in ("images", "sam2") for key in map(str, range(6000))
    ]  # fmt: skip
    plan_view.show([*rows, {"stage": "df01", "plan": "may run", "why": "it"}], 12_500, [], as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "12500 stages: 12000 would run, 1 may, 499 are up to date",
        "stage                plan     why",
        "images: 6000 stages  runs     data/*.csv modified",
        "sam2: 6000 stages    runs     data/*.csv modified",
        "df01                 may run  it",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["sam3"], "Did you mean 'sam2'?"), (["--experiments", "20240419"], "Did you mean '20240418'?"),
     (["--later-than", "yesterday"], "is not a day"), (["--scheduler", "a", "--cluster", "b"], "leave out one of them"),
     (["--scheduler", "a", "--per-gpu", "2"], "--per-gpu is for the GPUs of this machine"),
     (["-j", "0"], "0 is not in the range"), (["--per-gpu", "0"], "0 is not in the range"),
     (["--model-name", "no\nmodel"], "can't be the name"), (["--nonsense"], "No such option")],
)  # fmt: skip
def test_wrong_usage_ends_with_2_and_changes_nothing(edited: Project, arguments: list[str], said: str) -> None:
    before = state_of(edited.root)
    for dry in ([], ["--dry-run"]):
        if dry and "--scheduler" in arguments:
            continue
        assert said in edited.morphseq("run", *arguments, *dry, code=2)
    assert state_of(edited.root) == before


def test_only_the_experiments_asked_for_are_run(edited: Project) -> None:
    ends = run_json(edited, "--experiments", f"{OTHER},{ODD}", "sam2")
    assert ends.keys() == of(OTHER, "images", "sam2") | of(ODD, "images", "sam2")
    assert named(ends, "ran") == {f"sam2@{OTHER}", f"sam2@{ODD}"}
    output = edited.morphseq("run", "--later-than", "20240418")
    assert f"undated, and so left out: {ODD}" in output
    assert f"latents@{OTHER}" in output
    assert f"latents@{ODD} " not in output


def test_force_runs_the_targets_and_nothing_else_and_with_downstream_what_comes_after(edited: Project) -> None:
    before = blocks(edited.root)
    assert run_json(edited, "--force", f"latents@{OTHER}") == {f"latents@{OTHER}": "ran"}
    assert run_json(edited, "--force", f"latents@{OTHER}", "--experiments", ONE) == {f"latents@{OTHER}": "ran"}
    changed = {name for name, text in blocks(edited.root).items() if text != before[name]}
    assert changed <= {f"latents@{OTHER}"}
    ends = run_json(edited, "--with-downstream", "list")
    assert ends["df03"] in {"ran", "restored"}
    ends = run_json(edited, "--force", "--with-downstream", f"sam2@{ODD}")
    assert ends == dict.fromkeys([f"sam2@{ODD}", f"latents@{ODD}", "df01", "df03"], "ran")


def everything_in(root: Path) -> dict[str, tuple[int, bytes]]:
    """All files of a project but for what lies in .dvc/tmp, which is disposable."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_relative_to(root / ".dvc/tmp")
    }


def test_a_dry_run_says_what_would_run_and_why_and_changes_nothing(edited: Project) -> None:
    before = everything_in(edited.root)
    output = edited.morphseq("run", "--dry-run", code=1)
    assert re.search(rf"images@{ONE} +runs +data/frames/{ONE} modified\n", output)
    assert re.search(r"sam2@odd_v1.2 +runs +sam2 modified\n", output)
    assert re.search(r"df01 +may run +if a stage before it makes something else\n", output)
    assert re.match(r"12 stages: \d+ would run, \d+ may, \d+ are up to date\n", output)
    found = msgspec.json.decode(edited.morphseq("run", "--dry-run", "--json", "--model-name", "b", code=1))
    plan = {row["stage"]: row["plan"] for row in found["stages"]}
    assert plan["df03"] == "runs", "with the other model"
    assert everything_in(edited.root) == before
    forced = msgspec.json.decode(edited.morphseq("run", "--dry-run", "--json", "--force", f"sam2@{ODD}", code=1))
    assert forced["stages"] == [{"stage": f"sam2@{ODD}", "plan": "runs", "why": "forced", "expected": None}]
    assert everything_in(edited.root) == before

    plan = {row["stage"]: row["plan"] for row in msgspec.json.decode(
        edited.morphseq("run", "--dry-run", "--json", code=1))["stages"]}  # fmt: skip
    ends = run_json(edited)
    assert {name for name, what in plan.items() if what == "runs"} <= named(ends, "ran")
    assert named(ends, "ran") <= plan.keys()
    assert "0 would run, 0 may, 12 are up to date" in edited.morphseq("run", "--dry-run")


def test_a_dry_run_says_what_has_not_run_yet_and_what_can_not(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "nothing", tmp_path / "project")
    project.run("rm", "-r", "data/models/other")
    (project.root / "data/models/other").symlink_to("nowhere")
    output = project.morphseq("run", "--dry-run", code=1)
    assert re.search(rf"images@{ONE} +runs +has not run yet\n", output)
    assert re.search(r"sam2@odd_v1.2 +fails ", output)


@pytest.mark.parametrize(
    ("line", "model", "expected"),
    [
        ("model_name: a\n", "b", "model_name: b\n"),
        ("model_name: a  # of last year\n", "b", "model_name: b  # of last year\n"),
        ("model_name:   'a'\t# x\n", "b", "model_name:   b\t# x\n"),
        ('model_name: "a"\r\n', "b", "model_name: b\r\n"),
        ("model_name: a # b # c\n", "20240418", 'model_name: "20240418" # b # c\n'),
        ("model_name: a#1\n", "true", 'model_name: "true"\n'),
    ],
)
def test_the_model_is_set_in_params_and_nothing_else_there(
    edited: Project, line: str, model: str, expected: str
) -> None:
    path = edited.root / "params.yaml"
    before = path.read_bytes().replace(b"model_name: a\n", f"# which one\n{line}\n".encode()) + b"# the end"
    path.write_bytes(before)
    edited.morphseq("run", "--model-name", model, "list")
    assert path.read_bytes() == before.replace(line.encode(), expected.encode())
    inode = path.stat().st_ino
    edited.morphseq("run", "--model-name", model, "list")
    assert path.stat().st_ino == inode, "what is there already is not written again"


@pytest.mark.parametrize("text", ["model_name:\n  a\n", "", "model_name:\n", "model_name: &x a\nother: *x\n"])
def test_a_model_that_is_not_in_one_line_is_refused(edited: Project, text: str) -> None:
    path = edited.root / "params.yaml"
    path.write_text(path.read_text().replace("model_name: a\n", text))
    before = path.read_bytes()
    edited.morphseq("run", "--model-name", "b", code=2)
    assert path.read_bytes() == before


def test_json_is_all_there_is_on_stdout_and_progress_goes_to_stderr(edited: Project) -> None:
    done = subprocess.run(
        ["morphseq", "run", "--json"], cwd=edited.root, env=edited.environment(), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    found = msgspec.json.decode(done.stdout)
    assert (found["schema"], found["exit_code"], found["undated"]) == ("morphseq/run/1", 0, [])
    result = found["stages"][f"images@{ONE}"]
    assert (result["end"], result["why"], result["log"]) == ("ran", f"data/frames/{ONE} modified", [])
    assert f"running images@{ONE}" in done.stderr.splitlines()


def test_the_summary_says_what_ran_and_why_and_the_logs_are_kept(edited: Project) -> None:
    output = edited.morphseq("run")
    assert re.search(r"^12 stages: \d+ ran, \d+ up to date$", output, re.MULTILINE)
    assert re.search(rf"^images@{ONE} +ran +[\d.]+ s +data/frames/{ONE} modified$", output, re.MULTILINE)
    log = edited.root / f".dvc/tmp/morphseq/logs/sam2@{ONE}.log"
    assert log.read_text().splitlines()[-1] == f"making data/tables/{ONE}.csv"
    assert "12 stages: 12 up to date" in edited.morphseq("run")


def test_the_old_name_works_and_every_option_is_explained(edited: Project) -> None:
    assert "12 stages: " in edited.morphseq("pipeline", "e2e", "--force")
    assert "12 stages: 12 up to date" in edited.morphseq("pipeline", "df03")
    assert "is not a stage or group" in edited.morphseq("pipeline", "build04", code=2), "the toy has none"
    for command in ("run", "pipeline"):
        text = edited.morphseq(command, "--help")
        for option in ("experiments", "later-than", "force", "with-downstream", "dry-run", "model-name", "jobs",
                       "per-gpu", "fail-fast", "wait", "scheduler", "cluster", "json"):  # fmt: skip
            assert f"--{option}" in text


def test_in_a_terminal_there_is_a_line_for_each_group(edited: Project) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["morphseq", "run"], cwd=edited.root, env=edited.environment() | {"TERM": "xterm"}, stdout=subprocess.PIPE,
        stderr=theirs, text=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 1 << 16):
                shown += part
        except OSError:
            pass  # the other end is closed
        os.close(ours)
        assert process.stdout
        assert "12 stages: " in process.stdout.read()
    text = re.sub(r"\x1b\[[\d;?]*\w", "", shown.decode())
    last = text[text.rindex("group ") :]
    rows = {line.split()[0]: line.split()[1:] for line in last.splitlines()[1:] if line.strip()}
    assert list(rows) == ["list", "images", "sam2", "latents", "df01", "df03"]
    assert rows["images"][:6] == ["1", "0", "0", "2", "0", "0"], "done, running, waiting, up to date, restored, failed"
