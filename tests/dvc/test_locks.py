"""A dvc.lock as DVC 2 wrote it, DVC 3 for a remote with versions, or somebody by hand: judged as DVC judges it."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.dvc.twins import Twins

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")
PIPELINE = """\
stages:
  a:
    cmd: cp in out; mkdir -p folder; cp in folder/x
    deps: [in, data]
    outs: [out, folder]
  b:
    cmd: cp out copy
    deps: [out]
    outs: [copy: {cache: false}]
"""
FILES = {"dvc.yaml": PIPELINE, "in": "1\r\n2\r\n", "data/x": "x\r\n", "data/deep/y": "\0y\r\n", "data/e": ""}


def as_dvc_2_left_it(root: Path) -> None:
    """The lock and the cache in the form of DVC 2, with its md5s of texts."""
    path = root / "dvc.lock"
    path.write_text(re.sub(r"(?m)^ +hash: md5\n", "", path.read_text()))
    cache = root / ".dvc/cache"
    for kept in sorted((cache / "files/md5").glob("*/*")):
        target = cache / kept.parent.name / kept.name
        target.parent.mkdir(exist_ok=True)
        shutil.move(kept, target)


@pytest.mark.parametrize("text", ["1\n2\n", "plain"])
def test_what_dvc_2_recorded_is_up_to_date_until_it_changes(tmp_path: Path, text: str) -> None:
    """Texts without `\\r\\n`, whose md5 is the same to both."""
    twins = Twins(tmp_path, FILES | {"in": text, "data/x": text})
    twins.check_run()
    twins.both(as_dvc_2_left_it)
    assert twins.check_status()
    assert twins.check_run().ran == set()
    assert "as recorded" in twins.ours.morphseq("verify")
    twins.write({"in": text.replace("\n", "\r\n") + "\r\n"})
    assert not twins.check_status()
    assert "DVC 2 recorded stage a" in twins.ours.morphseq("run", code=1)


def test_of_texts_the_ends_of_lines_do_not_count(tmp_path: Path) -> None:
    twins = Twins(tmp_path, FILES | {"in": "1\n2\n", "data/x": "x\n"})
    twins.check_run()
    twins.both(as_dvc_2_left_it)
    twins.write({"in": "1\r\n2\r\n", "data/x": "x\r\n", "data/deep/y": "\0y\r\n"})
    assert twins.check_status()
    assert "as recorded" in twins.ours.morphseq("verify")
    twins.write({"data/deep/y": "\0y\n"})
    assert not twins.check_status()


def test_content_that_the_cache_of_dvc_2_lacks_is_told(tmp_path: Path) -> None:
    twins = Twins(tmp_path, FILES | {"in": "1\n", "data/x": "x\n"})
    twins.check_run()
    twins.both(as_dvc_2_left_it)
    twins.both(lambda root: shutil.rmtree(next(path for path in (root / ".dvc/cache").glob("??"))))
    assert not twins.check_status()


CLOUD = """\
      cloud:
        store:
          etag: 08da9e8fcab1ef84031001
          version_id: '1710269286043482'
"""


def test_the_versions_of_a_remote_are_left_alone(tmp_path: Path) -> None:
    twins = Twins(tmp_path, FILES)
    twins.check_run()

    def add(root: Path) -> None:
        path = root / "dvc.lock"
        path.write_text(path.read_text().rstrip("\n") + "\n" + CLOUD)

    twins.both(add)
    assert twins.check_status()
    assert twins.check_run().ran == set()
    twins.write({"in": "2"})
    assert twins.check_run().ran == {"a", "b"}


def as_a_remote_with_versions_has_it(root: Path) -> None:
    """What `dvc push` to such a remote leaves in the lock: the versions of files, and of each file in a folder."""
    path = root / "dvc.lock"
    yaml = YAML()
    lock = yaml.load(path)
    for out in lock["stages"]["a"]["outs"]:
        if out["md5"].endswith(".dir"):
            listing = json.loads((root / f".dvc/cache/files/md5/{out['md5'][:2]}/{out['md5'][2:]}").read_text())
            for name in ("md5", "size", "nfiles"):
                del out[name]
            out["files"] = [
                {
                    "relpath": item["relpath"],
                    "md5": item["md5"],
                    "size": (root / "folder" / item["relpath"]).stat().st_size,
                    "cloud": {"store": {"etag": "0a9e8fcab2", "version_id": str(number)}},
                }
                for number, item in enumerate(listing)
            ]
        else:
            out["cloud"] = {"store": {"etag": "0a9e8fcab1", "version_id": "v1"}}
    with path.open("w") as file:
        yaml.dump(lock, file)


@pytest.fixture
def versioned(tmp_path: Path) -> Twins:
    """A pipeline that has run, and whose outputs are on a remote with versions."""
    folder = PIPELINE.replace("cp in folder/x", "mkdir folder/deep; cp in folder/x; echo 1 > folder/deep/y")
    twins = Twins(tmp_path, FILES | {"dvc.yaml": folder})
    twins.check_run()
    twins.both(as_a_remote_with_versions_has_it)
    return twins


def test_the_versions_of_the_files_in_a_folder_are_left_alone(versioned: Twins) -> None:
    assert versioned.check_status()
    assert versioned.check_run().ran == set()
    assert "files:" in (versioned.ours.root / "dvc.lock").read_text()
    assert "as recorded" in versioned.ours.morphseq("verify")


@pytest.mark.parametrize("change", [
    {"in": "2"}, {"folder/x": "damaged"}, {"folder/deep/y": None}, {"folder/new": "1"}, {"folder": None},
    {"copy": None}, {"out": None}, {"out": "damaged"},
])  # fmt: skip
def test_of_what_has_versions_changes_are_seen(versioned: Twins, change: dict[str, str | None]) -> None:
    versioned.write(change)
    assert not versioned.check_status()
    versioned.check_run()
    assert versioned.check_status()


@pytest.mark.parametrize("left", [{}, {"hash": "md5"}, {"hash": "md5", "etag": "0a9e8f", "size": 8}], ids=repr)
@pytest.mark.parametrize(("stage", "part", "path"), [("a", "deps", "in"), ("a", "outs", "out"), ("b", "outs", "copy")])
def test_what_is_recorded_without_an_md5_is_new(
    tmp_path: Path, left: dict[str, object], stage: str, part: str, path: str
) -> None:
    """DVC writes such entries of what lies elsewhere, and sometimes of what does not."""

    def without_md5(root: Path) -> None:
        yaml = YAML()
        lock = yaml.load(root / "dvc.lock")
        for item in lock["stages"][stage][part]:
            if item["path"] == path:
                for key in [*item]:
                    if key != "path":
                        del item[key]
                item.update(left)
        yaml.dump(lock, root / "dvc.lock")

    twins = Twins(tmp_path, FILES)
    twins.check_run()
    twins.both(without_md5)
    assert not twins.check_status()
    done = twins.check_run()
    assert stage in done.ran | done.restored
    assert twins.check_status()


def in_another_order(text: str) -> str:
    """What is written last comes first, and each entry in one line."""
    lock = json.dumps(YAML(typ="safe").load(text))
    return lock.replace('"schema": "2.0", ', "").removesuffix("}") + ', "schema": "2.0"}'


@pytest.mark.parametrize("change", [
    lambda text: text.replace("\n", "\r\n"), lambda text: f"\ufeff{text}", in_another_order,
    lambda text: f"# merged by hand\n\n{text}", lambda text: text.replace("  b:\n", "  # the copy\n  b:\n"),
    lambda text: text.replace("  a:\n", "  a: # ours\n").replace("cmd: cp out copy", "cmd: cp out copy  # this"),
    lambda text: text.replace("  b:", '  "b":'), lambda text: text + "# end\n", str.rstrip,
])  # fmt: skip
def test_a_lock_in_another_form_is_written_anew_by_a_run(tmp_path: Path, change: Callable[[str], str]) -> None:
    """Of a checkout with git's `autocrlf`, an editor, or a merge: DVC reads it, and writes it in its own form."""
    twins = Twins(tmp_path, FILES)
    twins.check_run()
    recorded = (twins.theirs / "dvc.lock").read_text()
    twins.both(lambda root: (root / "dvc.lock").write_bytes(change(recorded).encode()))
    assert twins.check_status()
    assert twins.check_run().ran == set()
    more = PIPELINE + "  c:\n    cmd: cp in c\n    deps: [in]\n    outs: [c]\n"
    twins.write({"in": "2", "dvc.yaml": more})
    assert twins.check_run().ran == {"a", "b", "c"}
    assert twins.check_status()
