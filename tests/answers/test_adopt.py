"""`morphseq adopt`: a data root of the lab is looked through, and what is whole in it taken over as it is."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from morphseq_manifest.answers.adopt import linking
from morphseq_manifest.base.errors import ContentError, UnreadableError
from stages import latents
from tests import lab_root
from tests.conftest import Once
from tests.lab_root import LabRoot
from tests.project import Project, clone, link_copy

FIRST = "20250401"


@pytest.fixture(scope="session")
def lab(once: Once) -> tuple[LabRoot, dict[str, dict[str, str]]]:
    """A root of experiments in all states, and these; nobody may change anything in it."""

    def build(folder: Path) -> None:
        (folder / "expected.json").parent.mkdir(parents=True)
        _, expected = lab_root.in_all_states(folder / "root")
        (folder / "expected.json").write_text(json.dumps(expected))

    folder = once("lab", build)
    return LabRoot(folder / "root"), json.loads((folder / "expected.json").read_text())


@pytest.fixture(scope="session")
def model_project(once: Once) -> Path:
    """A clone without plates whose models are there by name alone: nothing is computed with them."""

    def build(folder: Path) -> None:
        project = clone(folder)
        names = (*lab_root.NETWORKS, "threshold")
        for place in (*(f"segmentation/segmentation_models/{name}" for name in names), "models/legacy/demo_a"):
            (folder / "data" / place).mkdir(parents=True)
            (folder / "data" / place / "config.json").write_text("{}")
        text = (folder / "params.yaml").read_text()
        start, end = text.index("experiments:"), text.index("# The model that embeds")
        (folder / "params.yaml").write_text(f"{text[:start]}experiments: {{}}\n\n{text[end:]}")
        project.commit("No plates yet")

    return once("model_project", build)


@pytest.fixture
def empty(model_project: Path, tmp_path: Path) -> Project:
    return link_copy(model_project, tmp_path / "project")


Told = dict[str, Any]


def looked(project: Project, *arguments: str | Path, code: int) -> Told:
    """What `morphseq adopt --json` says."""
    output = project.morphseq("adopt", "--json", *arguments, code=code)
    told: Told = json.loads(output[output.index("{") : output.rindex("}") + 1])
    assert (told["schema"], told["exit_code"]) == ("morphseq/adopt/1", code)
    return told


def odd(told: Told, name: str) -> list[str]:
    """What is said of the steps of an experiment that are neither whole nor missing."""
    steps = told["experiments"][name].items()
    return [
        f"{step}: {'; '.join([one['amount'], *one['told']])}"
        for step, one in steps
        if one["standing"] not in {"whole", "missing"}
    ]


def test_every_experiment_and_step_is_sorted_and_nothing_is_changed(
    lab: tuple[LabRoot, dict[str, dict[str, str]]], empty: Project
) -> None:
    root, expected = lab
    before = root.files(), LabRoot(empty.root / "data").files()
    told = looked(empty, "--dry-run", "--from", root.path, code=3)
    standings = {
        name: {step: one["standing"] for step, one in steps.items()} for name, steps in told["experiments"].items()
    }
    assert standings == expected
    assert odd(told, "20250404") == ["images: 2 of 6 frames in 1 of 2 wells"]
    assert odd(told, "20250405") == ["sam2: 3 of 6 masks in 1 of 2 wells, 6 rows"]
    assert odd(told, "20250407") == ["qc_masks: 28 of 30 masks; via_v1_0100: 4 of 6 masks in 2 wells"]
    assert odd(told, "20250412") == [
        "latents: 0 of 6 rows in 0 of 2 wells; 6 rows of snips that the tables do not have, as 20250412_A01_e02_t0000"
    ]
    empties = "2 empty, as 20250420_A01_ch00_t0002_masks_emnum_1.png"
    assert odd(told, "20250420") == [f"sam2: 4 of 6 masks in 2 wells, 6 rows; {empties}"]
    assert told["tables"]["df01"]["told"] == ["1 rows of '20240101', of which nothing else is there"]
    assert (root.files(), LabRoot(empty.root / "data").files()) == before
    output = empty.morphseq("adopt", "--from", root.path, "--dry-run", "--experiments", f"{FIRST},20250404", code=3)
    assert output.startswith("2 experiments: 11 whole, 1 half done\n")
    assert "20250404: images: half done: 2 of 6 frames in 1 of 2 wells\n" in output


def test_what_is_whole_is_recorded_as_adopted_and_the_rest_is_named(
    lab: tuple[LabRoot, dict[str, dict[str, str]]], empty: Project
) -> None:
    root, expected = lab
    before = root.files()
    told = looked(empty, "--from", root.path, "--segmenter", "threshold", code=1)
    became = told["adopted"]
    assert root.files() == before
    # Neither what has no whole frames, nor what was made of results that were not taken over.
    whole = {name for name, steps in expected.items() if steps["images"] == "whole"}
    assert set(became["listed"]) == whole
    made = ["build03", "snips", "latents"]
    later = {"qc_masks": made, "sam2": made, "snips": ["latents"], "latents": ["snips"]}
    lost = {
        f"{name}@{experiment}"
        for experiment, steps in expected.items()
        for step, standing in steps.items()
        if standing != "whole"
        for name in (step, *later.get(step, ()))
    }
    steps = ("qc_masks", "sam2", "build03", "snips", "latents")
    assert set(became["stages"]) == {f"{step}@{name}" for name in whole for step in steps} - lost
    assert "depends on qc_masks@20250406, which is not taken over" in became["left"]["build03@20250406"]
    assert became["left"]["20250418"] == "images: missing"
    assert "nobody knows their scale" in became["left"]["snips@20250411"]
    assert empty.run("dvc", "status", *became["stages"]).strip().endswith("Data and pipelines are up to date.")
    manifest = json.loads((empty.root / f"manifests/adopted/{FIRST}.json").read_text())
    assert manifest["stages"]["snips"]["unknown"] == ["settings", "version", "scale"]
    masks = empty.root / "data" / lab_root.MASKS / FIRST / "masks"
    assert all(path.stat().st_nlink > 1 for path in masks.iterdir())
    state = LabRoot(empty.root / "data").files(), (empty.root / "dvc.lock").read_bytes()
    again = looked(empty, "--from", root.path, code=1)["adopted"]
    assert (again["stages"], set(again["already"])) == ([], set(became["stages"]))
    assert (LabRoot(empty.root / "data").files(), (empty.root / "dvc.lock").read_bytes()) == state
    assert root.files() == before


def test_tables_say_what_was_adopted_until_it_is_made_again(
    lab: tuple[LabRoot, dict[str, dict[str, str]]], empty: Project
) -> None:
    root, _ = lab
    before = root.files()
    empty.morphseq("adopt", "--from", root.path, "--experiments", FIRST, "--segmenter", "threshold")
    assert "adopted" in empty.morphseq("status", "--experiments", FIRST, code=1)
    empty.repro("df01")
    output = empty.morphseq("provenance", "df01")
    assert "qc_masks, sam2, build03" in output
    assert "unknown" in output
    empty.commit("Taken over")
    empty.run("dvc", "repro", "-f", "-s", f"build03@{FIRST}")
    output = empty.morphseq("provenance", "df01", code=1)
    assert "qc_masks, sam2" in output
    assert "sam2, build03" not in output
    assert "qc_masks, sam2, build03" in empty.morphseq("provenance", "df01", "--rev", "HEAD")
    assert root.files() == before


def test_a_root_within_the_project_is_recorded_where_it_lies(empty: Project) -> None:
    root = LabRoot(empty.root / "data")
    root.write(FIRST, flat=True)
    before = root.files()
    empty.morphseq("adopt", "--segmenter", "threshold")
    after = root.files()
    assert {place: after.get(place) for place in before} == before
    assert empty.run("dvc", "status", f"sam2@{FIRST}", f"latents@{FIRST}").strip().endswith("are up to date.")
    (empty.root / "data" / lab_root.FRAMES / "2025 04 02").mkdir()
    message = empty.morphseq("adopt", "--dry-run", code=1)
    assert "not looked at: '2025 04 02' can't be an id, which has letters" in message
    message = empty.morphseq("adopt", "--experiments", "20250499", code=2)
    assert "nothing is there of experiment '20250499'" in message


def test_frames_that_their_stage_refuses_hold_up_their_own_experiment_alone(empty: Project, tmp_path: Path) -> None:
    root, other = LabRoot(tmp_path / "lab"), "20250402"
    for name in (FIRST, other):
        root.write(name)
    (root.path / lab_root.FRAMES / other / "B02_t0002_stitch.png").write_bytes(b"broken")
    became = looked(empty, "--from", root.path, "--segmenter", "threshold", code=1)["adopted"]
    assert {name.partition("@")[2] for name in became["stages"]} == {FIRST}
    assert "B02_t0002_stitch.png is not a whole PNG image (6 bytes)" in became["left"][f"images@{other}"]
    assert became["left"][f"sam2@{other}"] == f"depends on images@{other}, which failed"


def test_latents_are_not_made_of_snips_whose_scale_nobody_knows(tmp_path: Path) -> None:
    (tmp_path / "e_A01_e01_t0000.jpg").write_bytes(b"x")
    with pytest.raises(ContentError, match=r"of a scale that nobody knows.*`morphseq run snips@e --force`"):
        latents.check_stacks("e", tmp_path)


def test_what_is_at_a_place_already_is_never_overwritten(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "A01_t0000.png").write_text(name)
        (tmp_path / f"{name}.csv").write_text(name)
    for one, two in (("one", "two"), ("one.csv", "two.csv")):
        with pytest.raises(ContentError, match="is there already, and is not"):
            linking.bring(tmp_path / one, tmp_path / two)
    assert (tmp_path / "two/A01_t0000.png").read_text() == "two"
    with pytest.raises(UnreadableError, match="three: not there"):
        linking.bring(tmp_path / "three", tmp_path / "four")


def test_a_folder_of_links_that_was_begun_is_gone_on_with_and_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    source, place = tmp_path / "lab", tmp_path / "project/masks"
    (source / "masks").mkdir(parents=True)
    for number in range(3):
        (source / f"masks/{number}.png").write_text("x" * number)
    with pytest.raises(ContentError, match=r"masks/0\.png: is empty"):
        linking.bring(source, place)
    assert not place.exists()
    (source / "masks/0.png").write_text("y")
    begun = place.parent / ".morphseq-masks.adopting/masks"
    (begun / "0.png").write_text("of an earlier attempt")
    (begun / "7.png").write_text("of what is no longer there")
    linking.bring(source, place)
    linking.bring(source, place)
    assert [path.name for path in place.parent.iterdir()] == ["masks"]
    assert all((place / f"masks/{number}.png").samefile(source / f"masks/{number}.png") for number in range(3))


def test_on_another_file_system_links_are_symbolic(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        (Path(folder) / "A01_t0000.png").write_text("x")
        linking.bring(Path(folder), tmp_path / "masks")
        assert (tmp_path / "masks/A01_t0000.png").readlink() == Path(folder) / "A01_t0000.png"
