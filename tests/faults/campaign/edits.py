"""What people and programs do to files, settings and records, of 200 kinds: the verdict must be that of DVC."""

import mmap
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from random import Random

from morphseq_manifest.tracker.disk import workspace
from tests import toy
from tests.asking import STATUS, ask, ask_anew, standing_answer
from tests.faults.campaign.part import Part
from tests.faults.campaign.truth import differences, dvc_says, quiet_dvc, truth, we_say
from tests.project import Project

Edit = Callable[[Path, Random], None]
_FILES = {
    "frame": "data/frames/*/*.png", "plate": "data/plates/*.csv", "model": "data/models/**/*",
    "label": "data/labels/**/*", "table": "data/tables/*.csv", "latents": "data/latents/**/*",
    "df01": "data/df01.csv", "df03": "data/df03/**/*", "manifest": "manifests/**/*.json",
}  # fmt: skip
_FOLDERS = {
    "frames": "data/frames/*", "model": "data/models/*", "labels": "data/labels/*", "tables": "data/tables",
    "latents": "data/latents/*", "df03": "data/df03", "weights": "data/models/*/weights", "all frames": "data/frames",
}  # fmt: skip
_TEXTS = {
    "params.yaml": [
        ("large: 0.2", "large: 0.25"), ("large: 0.2", "large: 0.20"), ("images: 1", "images: 2"),
        ("images: 1", "images: 1.0"), ("images: 1", 'images: "1"'), ("names: [a, b]", "names: [b, a]"),
        ("on: true", "on: 1"), ("  df01: 1\n", ""), ("model_name: a", "model_name: b"), ("sam2: 1", "sam2:"),
        ("\nsam2:\n", "\nsam2_other:\n"), ("segmenter: other", "segmenter: threshold"),
        ('  "odd_v1.2":\n    segmenter: other\n', ""), ('"20240418"', '"20240419"'),
        ("model_name:", '  "new_one":\n    segmenter: other\nmodel_name:'),
        ("model_name: a", "model_name: a  # the first"),
    ],
    "dvc.yaml": [
        ("stage.py all", "stage.py  all"), ("      - data/plates/${key}.csv\n", ""), ("  df03:\n", "  df04:\n"),
        ("        - data/labels/${key}\n      o", "        - data/labels/${key}\n        - stage.py\n      o"),
        ("      outs:\n        - data/latents", "      frozen: true\n      outs:\n        - data/latents"),
        ("  df01:\n", "  df01:\n    always_changed: true\n"), ("            persist: true\n", ""),
        ("            cache: false\n", ""), ("        - sam2\n", "        - sam2.large\n        - sam2.nested\n"),
        ("      meta:\n        gpu: 1\n", "      desc: Find ${key}\n"),
    ],
    ".dvcignore": [(".morphseq-*\n", ".morphseq-*\n*.bin\n"), (".morphseq-*\n", "")],
}  # fmt: skip


def _other(chance: Random) -> bytes:
    return f"content {chance.random()}".encode()


def _of_size(path: Path, chance: Random) -> bytes:
    return bytes(chance.randrange(256) for _ in range(path.stat().st_size))


def _keeping_times(path: Path, write: Callable[[], object]) -> None:
    before = path.stat()
    write()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def rewritten(path: Path, chance: Random) -> None:
    """Another content and size."""
    path.write_bytes(_other(chance))


def of_the_same_size(path: Path, chance: Random) -> None:
    path.write_bytes(_of_size(path, chance))


def written_back(path: Path, chance: Random) -> None:
    path.write_bytes(path.read_bytes())


def edited_unseen(path: Path, chance: Random) -> None:
    """In place, with its size and its time as before."""
    _keeping_times(path, lambda: path.write_bytes(_of_size(path, chance)))


def replaced_unseen(path: Path, chance: Random) -> None:
    """By another file of the same size and time."""
    new, before = path.with_name("replaced.new"), path.stat()
    new.write_bytes(_of_size(path, chance))
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.rename(path)


def mapped(path: Path, chance: Random) -> None:
    """Written through a memory map, twice."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        for _ in range(2):
            data[chance.randrange(len(data))] = chance.randrange(256)


def appended(path: Path, chance: Random) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def emptied(path: Path, chance: Random) -> None:
    os.truncate(path, 0)


def touched(path: Path, chance: Random) -> None:
    os.utime(path, ns=(0, chance.randrange(10**18)))


def deleted(path: Path, chance: Random) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def renamed(path: Path, chance: Random) -> None:
    path.rename(path.with_name(f"renamed{chance.randrange(9)}.png"))


def made_a_folder(path: Path, chance: Random) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("x")


def made_a_file(path: Path, chance: Random) -> None:
    deleted(path, chance)
    path.write_text("a file now")


def linked(path: Path, chance: Random) -> None:
    """The same content, elsewhere."""
    root = next(folder for folder in path.parents if (folder / "dvc.yaml").exists())
    target = root / f"elsewhere{chance.randrange(10**9)}"
    path.rename(target)
    path.symlink_to(target)


def linked_to_nothing(path: Path, chance: Random) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


def swapped(path: Path, chance: Random) -> None:
    """With one beside it, or with itself."""
    other, aside = chance.choice(sorted(path.parent.iterdir())), path.with_name("aside")
    if other != path:
        path.rename(aside)
        other.rename(path)
        aside.rename(other)


def may_be_run(path: Path, chance: Random) -> None:
    path.chmod(0o755)


def with_a_file(path: Path, chance: Random) -> None:
    (path / f"new{chance.randrange(9)}.png").write_text("new")


def with_an_ignored_file(path: Path, chance: Random) -> None:
    (path / ".morphseq-x.tmp").write_text("left by a killed process")


def with_an_empty_folder(path: Path, chance: Random) -> None:
    (path / f"inner{chance.randrange(3)}").mkdir()


def with_a_folder(path: Path, chance: Random) -> None:
    (path / "inner").mkdir()
    (path / "inner/deep.png").write_text("deep")


def _some(edit: Edit, pattern: str, folders: bool, root: Path, chance: Random) -> None:
    edit(chance.choice(sorted(path for path in root.glob(pattern) if path.is_dir() == folders)), chance)


def _replaced(name: str, old: str, new: str, root: Path, chance: Random) -> None:
    path = root / name
    path.write_text(path.read_text().replace(old, new))


def _lock_cut(root: Path, chance: Random) -> None:
    text = (root / "dvc.lock").read_text()
    (root / "dvc.lock").write_text(text[: chance.randrange(len(text))])


def _lock_spoilt(root: Path, chance: Random) -> None:
    text = (root / "dvc.lock").read_text()
    at = chance.randrange(len(text))
    (root / "dvc.lock").write_text(text[:at] + chance.choice("0a: '\n") + text[at + 1 :])


def _lock_without_an_entry(root: Path, chance: Random) -> None:
    path = root / "dvc.lock"
    blocks = path.read_text().split("\n  ")
    stages = [number for number, block in enumerate(blocks) if not block.startswith((" ", "-"))][1:]
    chosen = chance.choice(stages)
    after = next((number for number in stages if number > chosen), len(blocks))
    path.write_text("\n  ".join(blocks[:chosen] + blocks[after:]).rstrip() + "\n")


def _cached(edit: Edit, root: Path, chance: Random) -> None:
    path = chance.choice(sorted(path for path in (root / ".dvc/cache/files/md5").rglob("*") if path.is_file()))
    path.chmod(0o644)
    edit(path, chance)


def _checkout(commit: str, root: Path, chance: Random) -> None:
    Project(root).run("git", "checkout", "--quiet", "--force", commit)


_OF_FILES: tuple[Edit, ...] = (
    rewritten, of_the_same_size, written_back, edited_unseen, replaced_unseen, mapped, appended, emptied, touched,
    deleted, renamed, made_a_folder, linked, linked_to_nothing, swapped, may_be_run,
)  # fmt: skip
_OF_FOLDERS: tuple[Edit, ...] = (
    deleted, made_a_file, linked, swapped, with_a_file, with_an_ignored_file, with_an_empty_folder, with_a_folder,
)  # fmt: skip
# DVC goes by size, inode and time: these it does not see.
_UNSEEN = {"edited_unseen"}
_DAMAGING = {"the lock emptied", "the lock cut", "the lock spoilt"}


def _kinds() -> Iterator[tuple[str, Edit]]:
    for name, pattern in _FILES.items():
        yield from ((f"{name} {edit.__name__}", partial(_some, edit, pattern, False)) for edit in _OF_FILES)
    for name, pattern in _FOLDERS.items():
        yield from ((f"folder {name} {edit.__name__}", partial(_some, edit, pattern, True)) for edit in _OF_FOLDERS)
    for name, changes in _TEXTS.items():
        yield from ((f"{name}: {old!r} to {new!r}", partial(_replaced, name, old, new)) for old, new in changes)
    yield "the lock emptied", lambda root, chance: emptied(root / "dvc.lock", chance)
    yield "the lock deleted", lambda root, chance: deleted(root / "dvc.lock", chance)
    yield from (("the lock cut", _lock_cut), ("the lock spoilt", _lock_spoilt))
    yield "the lock without an entry", _lock_without_an_entry
    yield from ((f"cache {edit.__name__}", partial(_cached, edit)) for edit in (deleted, rewritten))
    yield from ((f"checkout of {commit}", partial(_checkout, commit)) for commit in ("main~1", "main"))


KINDS: dict[str, Edit] = dict(_kinds())


def prepare(folder: Path) -> None:
    """Make the toy project with two commits."""
    toy.build(folder / "toy")


def rounds(prepared: Path) -> Mapping[str, int]:
    """Each kind four times, alone or followed by others."""
    return dict.fromkeys(KINDS, 4)


def attempt(prepared: Path, folder: Path, kind: str, number: int, chance: Random) -> list[str]:
    """Edit, and compare with DVC, which looks at the same folder, and with DVC that looks at a copy for the first time.

    Then the same again after other edits, with all that was remembered.
    """
    if number % 2:  # what was kept is relied on, however young: DVC's own look lies between two edits
        vars(workspace)["SETTLED_NS"] = -(10**18)
    root = folder / "project"
    shutil.copytree(prepared / "toy", root, symlinks=True)
    script = [kind, *chance.choices(sorted(KINDS), k=min(number, chance.randrange(3)))]
    with quiet_dvc(folder):
        for step, name in enumerate(script):
            if number % 2:
                ask(root, *STATUS)
            try:
                KINDS[name](root, chance)
            except (OSError, IndexError, ValueError):
                if step:
                    continue  # nothing is left to edit in that way
                raise
            if number % 2 and standing_answer(root, *STATUS) not in {None, ask_anew(root, *STATUS)}:
                return [f"after {script[: step + 1]}: an answer stands that is another now"]
            damaged = not _DAMAGING.isdisjoint(script[: step + 1])
            if found := _wrong(root, damaged, not any(name.endswith(tuple(_UNSEEN)) for name in script)):
                return [f"after {script[: step + 1]}: {line}" for line in found]
    return []


def _wrong(root: Path, damaged: bool, is_seen: bool) -> list[str]:
    ours = we_say(root)
    found = [f"against the truth: {pair}" for pair in differences(ours, truth(root), damaged).items()]
    if is_seen:
        found += [f"against DVC: {pair}" for pair in differences(ours, dvc_says(root), damaged).items()]
    if repr(we_say(root)) != repr(ours):
        found.append("another verdict when asked again")
    return found


EDITS = Part("edits", prepare, rounds, attempt)
