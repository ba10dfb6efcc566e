"""A project of its own for a test: a clone with plates and models, driven by the real commands."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML

from morphseq_manifest.cohort.manifests import cohort_manifest
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest

REPOSITORY = Path(__file__).parent.parent
PLATES = ("20250101", "20250102_snapshot", "SimFish_awkward_v1.2_b")
RUNNING = re.compile(r"^Running stage '([^']+)'", re.MULTILINE)
_RESTORED = re.compile(r"^Stage '([^']+)' is cached - skipping run", re.MULTILINE)


# No command takes so long, but for ever.
_HANGS_S = 600


class Started(subprocess.Popen[str]):
    """A command at work. One that is still there when its block is left, because the test has failed, is ended."""

    def __exit__(self, *error: Any) -> None:
        if self.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        super().__exit__(*error)


class Project:
    """A project folder and the commands a user types in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *command: str | Path, fails: bool = False) -> str:
        """Run a command; returns stdout and stderr together. It must succeed, or fail without a traceback."""
        code, output = self.ending(*command)
        assert (code != 0) == fails, f"{command} ended with {code}:\n{output}"
        return output

    def morphseq(self, *arguments: str | Path, code: int = 0) -> str:
        """Run `morphseq`, which must end with this code."""
        found, output = self.ending("morphseq", *arguments)
        assert found == code, f"morphseq {arguments} ended with {found}:\n{output}"
        return output

    def ending(self, *command: str | Path) -> tuple[int, str]:
        """Run a command: its exit status, and stdout and stderr together, in which no traceback may stand."""
        with self.start(*command) as process:
            output, _ = process.communicate(timeout=_HANGS_S)
        assert "Traceback" not in output, output
        return process.returncode, output

    def start(self, *command: str | Path) -> Started:
        """Start a command, in a session of its own; stdout and stderr come together."""
        return Started(
            [str(part) for part in command], cwd=self.root, env=self.environment(), text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        """What commands find in their environment."""
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_SITE_CACHE_DIR": str(self.root.parent / f"{self.root.name}-site-cache"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
        }
        for role in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{role}_NAME": "Test", f"GIT_{role}_EMAIL": "test@example.org"}
        return environment

    def repro(self, *targets: str, fails: bool = False) -> "Ran":
        """`dvc repro` (of df03 by default): what it ran and restored, and what it said."""
        return Ran(self.run("dvc", "repro", *(targets or ("df03",)), fails=fails))

    def status(self) -> str:
        return self.run("dvc", "status")

    def commit(self, message: str = "State") -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", message)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace `old`, which must stand there once, in a text file."""
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        replace_file(path, text.replace(old, new).encode())

    def setting(self, name: str, value: object) -> None:
        """Give a setting of params.yaml, the only one of its name, another value."""
        path = self.root / "params.yaml"
        text = path.read_text(encoding="utf-8")
        changed, count = re.subn(rf"(?m)^( *{name}:) .*$", rf"\1 {value}", text)
        assert (count, changed != text) == (1, True), f"{name} stands {count} times in params.yaml, or has this value"
        replace_file(path, changed.encode())

    def experiments(self, listed: dict[str, str]) -> None:
        """Write params.yaml with these experiments and their segmenters."""
        yaml = YAML()
        path = self.root / "params.yaml"
        values = yaml.load(path)
        values["experiments"] = {_quoted(name): {"segmenter": kind} for name, kind in listed.items()}
        with path.open("w", encoding="utf-8") as file:
            yaml.dump(values, file)

    def manifest(self, name: str) -> CohortManifest:
        return cohort_manifest.read(self.root / "manifests" / f"{name}.json")

    def change_pixel(self, experiment: str, name: str, row: int, column: int) -> None:
        """Change one pixel of a frame."""
        import numpy as np
        from PIL import Image

        path = self.frames(experiment) / name
        image = np.asarray(Image.open(path)).copy()
        image[row, column] ^= 0x80
        path.unlink()
        Image.fromarray(image).save(path)

    def table(self, name: str) -> Path:
        return self.root / f"data/metadata/combined_metadata_files/embryo_metadata_{name}.csv"

    def frames(self, experiment: str) -> Path:
        return self.root / "data/built_image_data/stitched_FF_images" / experiment

    def plate(self, experiment: str) -> Path:
        return self.root / f"data/metadata/built_metadata_files/{experiment}_metadata.csv"


class Ran:
    """What `dvc repro` said that it ran, and restored from the run cache."""

    def __init__(self, output: str) -> None:
        self.output = output
        self.stages = set(RUNNING.findall(output))
        self.restored = set(_RESTORED.findall(output))


def _quoted(name: str) -> str:
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    return DoubleQuotedScalarString(name)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file anew: a hard link to it, in another test's project, stays as it is."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def clone(destination: Path) -> Project:
    """A clone of the working tree, committed to a repository of its own."""
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=REPOSITORY, text=True, capture_output=True, check=True
    )
    for name in names.stdout.splitlines():
        source, target = REPOSITORY / name, destination / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    project = Project(destination)
    project.run("git", "init", "--quiet", "--initial-branch=main")
    project.commit("The project")
    return project


def link_copy(source: Path, destination: Path) -> Project:
    """A copy of a project in which data and cached content are hard links, the rest real copies."""
    linked = (source / "data", source / ".dvc/cache")

    def copy(one: str, other: str) -> None:
        if any(Path(one).is_relative_to(folder) for folder in linked):
            os.link(one, other)
        else:
            shutil.copy2(one, other)

    shutil.copytree(source, destination, symlinks=True, copy_function=copy)
    return Project(destination)


def stages_of(experiment: str, *names: str) -> set[str]:
    return {f"{name}@{experiment}" for name in names}


def as_json(text: str) -> object:
    return msgspec.json.decode(text)
