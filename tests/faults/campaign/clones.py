"""A stranger's project, made to harm who looks at it: nothing of it runs, nothing outside is written, all ends."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from random import Random

from tests import toy
from tests.faults.campaign.part import Part
from tests.project import Project
from tests.running import copy_of

Harm = Callable[[Project, Path], None]
LOOKING: tuple[tuple[str, ...], ...] = (
    ("status",), ("why", "df01"), ("provenance", "df01"), ("verify",), ("diff",), ("run", "--dry-run"),
    ("code", "status"), ("log",), ("graph",), ("report",), ("blame", "20240418"), ("bisect", "df01", "--when", "rows"),
)  # fmt: skip
_OWN = ".dvc/tmp/morphseq"
_OWN_FILES = (
    "params.memo", "stages.memo", "lock.memo", "settings.memo", "code.memo", "ignore.memo", "stat/table", "verify.0123",
    "failed/x.txt",
)  # fmt: skip
_SMALL_FILES = (
    "params.yaml", "dvc.yaml", "dvc.lock", ".dvcignore", ".dvc/config", ".dvc/config.local", "manifests/df01.json",
    "manifests/code.json", "manifests/images/20240418.json", "data/df01.csv", "stage.py",
)  # fmt: skip
_MODULES = ("dvc", "msgspec", "xxhash", "click", "json", "subprocess", "stage", "sitecustomize", "usercustomize")
_GIT = (
    "core.fsmonitor", "core.pager", "diff.external", "filter.x.clean", "filter.x.smudge", "diff.x.textconv",
    "core.sshCommand", "core.editor", "credential.helper", "uploadpack.packObjectsHook", "gpg.program",
)  # fmt: skip
_HANGS_S = 60
# An escape that would empty the terminal, and one that would name its window; and one that reads from right to left.
_ESCAPES = "\x1b[2J\x1b]0;mine\x07"


def _linked(name: str, project: Project, home: Path) -> None:
    """One of the tool's own files is a link to the user's."""
    path = project.root / _OWN / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(os.path.relpath(home / ".bashrc", path.parent))


def _led_out(name: str, project: Project, home: Path) -> None:
    """A folder on the way to the tool's own files leads out of the project."""
    outside, inside = home / "outside", project.root / name
    if inside.exists():
        shutil.move(inside, outside)
    else:
        outside.mkdir()
        inside.parent.mkdir(parents=True, exist_ok=True)
    inside.symlink_to(outside)


def _program(project: Project, home: Path) -> Path:
    """A program of the stranger's that leaves a trace."""
    script = project.root / "script.sh"
    script.write_text(f"#!/bin/sh\ntouch {home / 'ran'}\n")
    script.chmod(0o755)
    return script


def _modules(project: Project, home: Path) -> None:
    for name in _MODULES:
        (project.root / f"{name}.py").write_text(f"open({str(home / 'ran')!r}, 'w')\n")


def _git_config(name: str, project: Project, home: Path) -> None:
    project.run("git", "config", name, str(_program(project, home)))
    (project.root / ".gitattributes").write_text("* filter=x diff=x\n")
    (project.root / "params.yaml").touch()


def _hooks(project: Project, home: Path) -> None:
    script = _program(project, home)
    for name in ("post-index-change", "fsmonitor-watchman", "post-checkout", "reference-transaction", "pre-auto-gc"):
        shutil.copy(script, project.root / ".git/hooks" / name)


def _listing(entry: dict[str, str], project: Project, home: Path) -> None:
    """The cache's listing of a folder leads elsewhere."""
    listing = min((project.root / ".dvc/cache/files/md5").rglob("*.dir"))
    listed = json.loads(listing.read_bytes())
    listing.chmod(0o644)
    listing.write_text(json.dumps([*listed, {"md5": listed[0]["md5"], "relpath": "x", **entry}]))
    shutil.rmtree(project.root / "data/df03")


def _pipe(name: str, project: Project, home: Path) -> None:
    path = project.root / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _device(name: str, project: Project, home: Path) -> None:
    path = project.root / name
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def _text(path: Path) -> str:
    if not path.is_file():
        raise ValueError(f"{path} is another harm already")
    return path.read_text()


def _escapes_in_settings(project: Project, home: Path) -> None:
    text = _text(project.root / "params.yaml")
    escaped = json.dumps("b" + _ESCAPES)
    (project.root / "params.yaml").write_text(text.replace("model_name: a", f"model_name: {escaped}"))


def _escapes_in_pipeline(project: Project, home: Path) -> None:
    text = _text(project.root / "dvc.yaml")
    (project.root / "dvc.yaml").write_text(f"{text}  more:\n    cmd: {json.dumps('true ' + _ESCAPES)}\n    outs: [x]\n")


def _escapes_in_names(project: Project, home: Path) -> None:
    for folder in ("data/frames/20240418", "data/labels/20240418", "manifests"):
        (project.root / folder / f"a{_ESCAPES.replace('/', '')}.png").write_text("x")


def _escapes_in_notes(project: Project, home: Path) -> None:
    folder = project.root / _OWN / "failed"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "images@20240418.txt").write_text(f"broken{_ESCAPES}")
    (project.root / "data/frames/20240418/A01_t0000.png").write_text("x")


def _escapes_in_commits(project: Project, home: Path) -> None:
    (project.root / "manifests/df01.json").write_text("{}")
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "--message", _ESCAPES)


def _kinds() -> Iterator[tuple[str, Harm]]:
    yield from ((f"link {name}", partial(_linked, name)) for name in _OWN_FILES)
    yield from ((f"folder {name}", partial(_led_out, name)) for name in (_OWN, ".dvc/tmp", ".dvc"))
    yield "modules", _modules
    yield "hooks", _hooks
    yield from ((f"git {name}", partial(_git_config, name)) for name in _GIT)
    entries = ({"relpath": "../../../written"}, {"relpath": "/written"}, {"md5": "../../../../.bashrc"})
    yield from ((f"listing {entry}", partial(_listing, entry)) for entry in entries)
    yield from ((f"pipe {name}", partial(_pipe, name)) for name in _SMALL_FILES)
    yield from ((f"device {name}", partial(_device, name)) for name in _SMALL_FILES)
    yield from (
        (f"escapes in {name}", harm)
        for name, harm in {
            "settings": _escapes_in_settings, "pipeline": _escapes_in_pipeline, "names": _escapes_in_names,
            "notes": _escapes_in_notes, "commits": _escapes_in_commits,
        }.items()
    )  # fmt: skip


KINDS: dict[str, Harm] = dict(_kinds())


def prepare(folder: Path) -> None:
    """Make the toy project with two commits."""
    toy.build(folder / "toy")


def rounds(prepared: Path) -> Mapping[str, int]:
    """Each harm alone, and twice together with others."""
    return dict.fromkeys(KINDS, 3)


def attempt(prepared: Path, folder: Path, kind: str, number: int, chance: Random) -> list[str]:
    """Look at a harmful project by all commands that look, and run it if nothing of it that runs is the stranger's."""
    home = folder / "home"
    home.mkdir()
    (home / ".bashrc").write_text("mine")
    project = copy_of(prepared / "toy", home / "project")
    done = []
    for name in [kind, *chance.sample(sorted(KINDS), number)]:
        try:
            KINDS[name](project, home)
            done.append(name)
        except (OSError, ValueError, AssertionError, shutil.Error):
            if not done:
                raise
    (home / "ran").unlink(missing_ok=True)  # by git itself, as the harm was done
    before = sorted(str(path) for path in home.rglob("*") if not path.is_relative_to(project.root))
    found = [f"{command}: {line}" for command in LOOKING for line in looked(project, home, command)]
    if (home / ".bashrc").read_text() != "mine":
        found.append("the user's own file is another")
    after = sorted(str(path) for path in home.rglob("*") if not path.is_relative_to(project.root))
    found += [f"written: {path}" for path in after if path not in before and not path.endswith("-site-cache")]
    return [f"{done}: {line}" for line in found]


def looked(project: Project, home: Path, command: tuple[str, ...]) -> list[str]:
    """What is wrong with how a command looks at a harmful project."""
    try:
        done = subprocess.run(
            ["morphseq", *command], cwd=project.root, env=project.environment() | {"HOME": str(home)}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
            timeout=_HANGS_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ["it hangs"]
    found = [f"{word} in what it says:\n{done.stdout}" for word in ("Traceback", "\x1b", "\x07") if word in done.stdout]
    if done.returncode not in range(5):
        found.append(f"exit status {done.returncode}:\n{done.stdout}")
    return found


CLONES = Part("clones", prepare, rounds, attempt)
