"""`morphseq init DIR` makes a repository for data alone; `upgrade` brings it to a release, and what is edited stays."""

import shutil
import sys
from pathlib import Path

import pytest

from morphseq_manifest.cohort import template
from tests.project import REPOSITORY, Project, replace_file

CODE = "stages/imaging/polarity.py"
BESIDE = (
    "dvc.yaml", "params.yaml", "manifests/code.json", ".dvcignore", ".gitignore", ".gitattributes", ".dvc/config",
    ".dvc/.gitignore", ".dvc/plots/bars.json", ".dvc/plots/coverage.json",
)  # fmt: skip
LAB = 'experiments:\n  # the first\n  "20250102_snapshot":\n    segmenter: threshold\n'


class Release(Project):
    """A data repository, and the commands of a release that lies in a folder, as after an installation."""

    def __init__(self, root: Path, release: Path) -> None:
        super().__init__(root)
        self.release = release

    def environment(self) -> dict[str, str]:
        return super().environment() | {"PYTHONPATH": str(self.release)}

    def of_release(self, *words: str | Path, code: int = 0) -> str:
        """`morphseq` of the release."""
        found, output = self.ending(sys.executable, "-P", "-m", "morphseq_manifest", *words)
        assert found == code, output
        return output


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A copy of what is installed, to be changed."""
    folder = tmp_path / "release"
    for name in ("morphseq_manifest", "stages"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in BESIDE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, folder / name)
    return folder


@pytest.fixture
def lab(tmp_path: Path, release: Path) -> Release:
    """A data repository of that release."""
    made = Release(tmp_path, release)
    output = made.of_release("init", "lab")
    assert "committed" in output
    return Release(tmp_path / "lab", release)


class Told(Release):
    """The same, where the environment and git's own settings say something of other projects."""

    def environment(self) -> dict[str, str]:
        place, config = self.root / "notes/.git", {"GIT_CONFIG_GLOBAL": str(self.root / "config")}
        return super().environment() | config | ({"GIT_DIR": str(place)} if place.exists() else {})


@pytest.fixture
def told(tmp_path: Path, release: Path) -> Told:
    """The place for a data repository."""
    (tmp_path / "mine").mkdir()
    return Told(tmp_path / "mine", release)


def test_a_hook_of_another_repository_makes_one_of_its_own(told: Told) -> None:
    told.run("git", "init", "--quiet", "notes")
    assert "committed" in told.of_release("init", "lab")
    assert not any((told.root / "notes/.git/refs/heads").iterdir())
    assert "dvc.yaml" in told.run("git", "--git-dir=lab/.git", "ls-tree", "--name-only", "HEAD")


def test_what_a_person_has_git_ignore_is_committed_if_it_is_the_project_s(told: Told) -> None:
    (told.root / "ignored").write_text("*.json\n*.lock\n")
    (told.root / "config").write_text(f"[core]\nexcludesFile = {told.root}/ignored\n")
    assert "committed" in told.of_release("init", "lab")
    lab = Project(told.root / "lab")
    assert "manifests/code.json" in lab.run("git", "ls-tree", "-r", "--name-only", "HEAD")
    assert ".json" not in lab.run("git", "status", "--porcelain", "--ignored")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    replace_file(path, text.replace(old, new).encode())


def test_a_data_repository_is_whole_and_its_stages_run(fresh: Project, tmp_path: Path) -> None:
    lab = Project(tmp_path / "lab")
    fresh.morphseq("init", lab.root)
    assert lab.run("git", "status", "--short") == ""
    assert "experiments: {}" in (lab.root / "params.yaml").read_text()
    assert {path for path in template.contents() if not (lab.root / path).is_file()} == set()
    assert "merge.morphseq.driver" in lab.run("git", "config", "--list")
    for folder in ("built_image_data", "metadata/built_metadata_files", "segmentation/segmentation_models", "models"):
        shutil.copytree(fresh.root / "data" / folder, lab.root / "data" / folder)
    assert "added: 20250102_snapshot" in lab.morphseq("add", "20250102_snapshot", "--segmenter", "threshold")
    lab.morphseq("run", "images@20250102_snapshot")
    assert "up to date" in lab.run("dvc", "status", "images@20250102_snapshot")
    assert "up to date" in lab.morphseq("-C", lab.root / "data", "status", "--experiments", "20250102_snapshot", code=1)
    assert "not empty" in fresh.morphseq("init", lab.root, code=2)
    assert "params.yaml  kept\n" in lab.morphseq("upgrade")
    assert "not made by `morphseq init DIR`" in fresh.morphseq("upgrade", code=2)


def test_an_upgrade_updates_what_is_not_edited_and_merges_what_is(lab: Release) -> None:
    edit(lab.root / "params.yaml", "experiments: {}\n", LAB)
    edit(lab.root / "params.yaml", "  threshold: 0.5\n", "  threshold: 0.6\n")
    edit(lab.root / "stages/df03.py", '"""Stage `df03`', '"""Our stage `df03`')
    lab.commit("Our own")
    edit(lab.release / "params.yaml", "  snips: 4\n", "  snips: 5\n")
    edit(lab.release / "params.yaml", "  blend_um: 75\n", "  blend_um: 75\n  new_um: 1\n")
    edit(lab.release / "stages/df02.py", '"""Stage `df02`', '"""The stage `df02`')
    (lab.release / "stages/files/new.py").write_text("NEW = 1\n")
    (lab.release / CODE).unlink()
    told = lab.of_release("upgrade", "--dry-run")
    assert lab.run("git", "status", "--short") == ""
    output = lab.of_release("upgrade")
    rows = {line.split()[0]: line.split()[1] for line in output.splitlines() if line.startswith(("stages", "params"))}
    assert rows == {
        "params.yaml": "merged", "stages/df03.py": "kept", "stages/df02.py": "updated", "stages/files/new.py": "added",
        CODE: "removed",
    }  # fmt: skip
    assert all(f"{path}" in told for path in rows)
    assert "version of snips: 4, now 5" in output
    assert "will run again" in output
    settings = (lab.root / "params.yaml").read_text()
    assert LAB in settings
    assert all(line in settings for line in ("  threshold: 0.6\n", "  snips: 5\n", "  new_um: 1\n"))
    assert "Our stage" in (lab.root / "stages/df03.py").read_text()
    assert not (lab.root / CODE).exists()
    lab.commit("Upgraded")
    again = lab.of_release("upgrade")
    assert {line.split()[-1] for line in again.splitlines() if line.startswith(("stages", "params"))} == {"kept"}
    assert lab.run("git", "status", "--short") == ""


def test_what_can_not_be_merged_lies_beside_and_is_said(lab: Release) -> None:
    edit(lab.root / "stages/df02.py", '"""Stage `df02`', '"""Our stage `df02`')
    edit(lab.release / "stages/df02.py", '"""Stage `df02`', '"""The stage `df02`')
    before = (lab.root / "stages/df02.py").read_bytes()
    output = lab.of_release("upgrade", code=1)
    assert "to be merged: put what is new in stages/df02.py.new into stages/df02.py" in output
    assert (lab.root / "stages/df02.py").read_bytes() == before
    assert (lab.root / "stages/df02.py.new").read_bytes() == (lab.release / "stages/df02.py").read_bytes()


def test_a_wheel_carries_the_project_and_no_package_of_its_name(tmp_path: Path) -> None:
    here = Project(tmp_path)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    source = tmp_path / "source"
    shutil.copytree(
        REPOSITORY, source, ignore=shutil.ignore_patterns(".venv", ".git", "build", "data", "__pycache__", "tests")
    )
    here.run(*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "wheels", source)
    wheel = next((tmp_path / "wheels").iterdir())
    here.run(*pip, "install", "--quiet", "--no-deps", "--target", tmp_path / "installed", wheel)
    assert not (tmp_path / "installed/stages").exists()
    lab = Release(tmp_path, tmp_path / "installed")
    lab.of_release("init", "lab")
    assert (tmp_path / "lab/stages/df01.py").read_bytes() == (REPOSITORY / "stages/df01.py").read_bytes()
