"""A dvc.lock as DVC 2 wrote it, or DVC 3 for a remote with versions: judged as DVC judges it."""

import re
import shutil
from pathlib import Path

import pytest

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
