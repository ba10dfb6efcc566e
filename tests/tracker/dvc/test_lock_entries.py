"""What is written into dvc.lock and the run cache is, to the byte, what DVC writes: for any names and settings."""

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest
from dvc.stage.cache import _get_cache_hash
from dvc.utils.serialize import dump_yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from morphseq_manifest.base import yaml_text
from morphseq_manifest.tracker.dvc import lock_entries, run_cache
from morphseq_manifest.tracker.dvc.graph import Graph
from morphseq_manifest.tracker.dvc.lock_entries import Entry, Item
from morphseq_manifest.tracker.dvc.lock_writing import LockWriter
from morphseq_manifest.tracker.dvc.stages import Output, Stage
from morphseq_manifest.tracker.run.queueing import Queue

# Names as they are, names that YAML would take for something else, and any text there can be.
WORDS = st.sampled_from([
    "a", "data/tables/20240418.csv", "20240418", "1e5", "0x1f", "1_000", "12:30", "1.5", ".5", "-", "- a", "?", "yes",
    "No", "null", "~", "true", "y", "on", "=", "<<", "a: b", "a #b", "#a", "a:", "'a'", '"a"', "a'b", "{a}", "[a]",
    "&a", "*a", "!a", "|", ">", "%a", "@a", "`a", " a", "a ", "a,b", "2024-04-18", "2024-04-18 10:00:00", "é", "日本",
    "a" * 90, "a b " * 40, "a/" * 50 + "b", "", "\\", "\t", "a\nb", "😀", "python -m stages.images '20240418'",
])  # fmt: skip
NAMES = WORDS | st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=100)
MD5S = st.text("0123456789abcdef", min_size=32, max_size=32) | st.sampled_from(
    ["0" * 32, "1" * 31 + "e", "12345678e" + "1" * 23, "0" * 31 + "f"]
)
ITEMS = st.builds(
    Item, NAMES, st.tuples(MD5S, st.sampled_from(["", ".dir"])).map("".join), st.integers(0, 10**12),
    st.none() | st.integers(0, 10**6), st.booleans(),
)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
FILES = st.sampled_from(["params.yaml", "../params.yaml", "a.json", "z/params.toml"])
# Settings as most projects have them: names, numbers and words.
ALIKE = st.text("aenoy._-/ 1", min_size=1, max_size=90)
FEW = st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | ALIKE
SETTINGS = st.dictionaries(NAMES, VALUES, max_size=3) | st.dictionaries(ALIKE, FEW, min_size=1, max_size=3)
ENTRIES = st.builds(
    Entry, NAMES.filter(bool) | st.lists(NAMES.filter(bool), min_size=1, max_size=3),
    st.lists(ITEMS, max_size=3), st.dictionaries(FILES, SETTINGS, max_size=3), st.lists(ITEMS, max_size=3),
)  # fmt: skip


def as_dvc_dumps(content: dict[str, Any], folder: Path) -> str:
    dump_yaml(str(folder / "dumped"), content)
    return (folder / "dumped").read_text(encoding="utf-8")


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(ENTRIES, NAMES.filter(bool))
def test_an_entry_is_written_as_the_yaml_library_writes_it(
    tmp_path_factory: pytest.TempPathFactory, entry: Entry, name: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    content = entry.content()
    assert lock_entries.write(entry) == as_dvc_dumps(content, folder)
    whole = as_dvc_dumps({"schema": "2.0", "stages": {name: content}}, folder)
    assert lock_entries.write(entry, name) == whole.removeprefix("schema: '2.0'\nstages:\n")


@settings(max_examples=200, deadline=None)
@given(ENTRIES)
def test_the_key_in_the_run_cache_is_that_of_dvc(entry: Entry) -> None:
    content = entry.content()
    value = _get_cache_hash(content)
    key = _get_cache_hash(entry.content(), key=True)
    assert run_cache._key_path(entry) == f"{key[:2]}/{key}"
    assert run_cache._hash(entry.content()) == value


@settings(deadline=None)
@given(st.lists(VALUES, min_size=2, max_size=4))
def test_settings_that_look_alike_are_written_each_as_it_is(values: list[Any]) -> None:
    for value in [*values, None, float("nan"), {1: "a"}, {"1": "a"}, 1, 1.0, True, "1"]:
        out = io.StringIO()
        yaml = YAML()
        yaml.default_flow_style = False
        yaml.dump({"params": {"params.yaml": {"x": value}}}, out)
        assert lock_entries.write(Entry("a", [], {"params.yaml": {"x": value}}, [])) == f"cmd: a\n{out.getvalue()}"


def entry_of(path: str, md5: str = "a" * 32) -> Entry:
    return Entry("make", [Item("in", "b" * 32, 3)], {}, [Item(path, md5, 5)])


def test_what_was_saved_last_is_found_and_a_damaged_entry_is_as_none_and_written_anew(tmp_path: Path) -> None:
    asked = entry_of("out", "")
    assert run_cache.find(tmp_path, asked) is None
    run_cache.save(tmp_path, entry_of("out"))
    (folder,) = tmp_path.glob("*/*")
    found = run_cache.find(tmp_path, asked)
    assert found is not None
    assert [(item.path, item.md5) for item in found] == [("out", "a" * 32)]
    (entry,) = folder.iterdir()
    for text in ("", "cmd: make", "outs: 3", "outs:\n- path: out", "\0", "outs:\n- path: out\n  md5: [1]\n  size: 1"):
        entry.write_text(text)
        assert run_cache.find(tmp_path, asked) is None
    run_cache.save(tmp_path, entry_of("out"))
    assert run_cache.find(tmp_path, asked) == found


def test_new_stages_come_last_in_the_order_of_dvc_however_they_end(tmp_path: Path) -> None:
    texts = {name: lock_entries.write(entry_of(name), name) for name in ("old", "a", "b@1", "c", "odd: name")}
    head = "schema: '2.0'\nstages:\n"
    (tmp_path / "dvc.lock").write_text(head + texts["old"])
    writer = LockWriter(tmp_path, ["a", "b@1", "odd: name", "c"])
    for batch in (["c"], ["odd: name", "a"], ["b@1"]):
        for name in batch:
            writer.add(name, texts[name])
        writer.write()
        assert not writer.has_news
    assert (tmp_path / "dvc.lock").read_text() == head + "".join(
        texts[name] for name in ("old", "a", "b@1", "odd: name", "c")
    )
    before = (tmp_path / "dvc.lock").stat().st_ino
    writer.add("a", texts["a"])
    writer.write()
    assert (tmp_path / "dvc.lock").stat().st_ino == before, "nothing is written where nothing is new"


@pytest.mark.parametrize("command", [
    "echo a #b", "sed 's/ #.*//' in > out", f"cat {'a b ' * 30} # it's",
    'echo "x #" \'y #\'', "- #", "first # one\nsecond",
])  # fmt: skip
def test_a_number_sign_in_a_command_is_no_comment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A lock with comments is written by the YAML library, which takes minutes for thousands of stages."""
    monkeypatch.setattr(yaml_text, "load_with_comments", None)
    recorded = Entry(command, [], {"params.yaml": {"a": " #b", "list": ["c #d"]}}, [])
    dumped = lock_entries.write(recorded, "a")
    (tmp_path / "dvc.lock").write_text(f"schema: '2.0'\nstages:\n{dumped}")
    writer = LockWriter(tmp_path, ["a", "b"])
    writer.add("b", lock_entries.write(Entry("echo", [], {}, []), "b"))
    writer.write()
    assert dumped in (tmp_path / "dvc.lock").read_text()


def stage_of(name: str, deps: list[str], outs: list[str]) -> Stage:
    outputs = [Output(out, False, False, False) for out in outs]
    return Stage(name, name, None, "true", deps, {}, outputs, {}, False, False)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_order_of_a_run_is_that_of_dvc_repro(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    import networkx
    from dvc.repo import Repo
    from dvc.repo.graph import build_graph
    from dvc.repo.reproduce import plan_repro
    from dvc.repo.trie import build_outs_trie
    from dvc.stage import PipelineStage, create_stage

    root = tmp_path_factory.mktemp("order")
    folders = st.sampled_from(["d", "d/x", "d/y", "e"])
    outs: list[str] = []
    stages = []
    numbers = data.draw(st.permutations(range(data.draw(st.integers(2, 9)))))
    for number in sorted(numbers):
        deps = data.draw(st.lists(st.sampled_from([*outs, "d", "d/x", "d/y", "in"]), max_size=4, unique=True))
        deps = [dep for dep in deps if dep in outs or dep == "in" or any(out.startswith(f"{dep}/") for out in outs)]
        out = f"{data.draw(folders)}/f{number}"
        # A folder that is read already gets no more files: they would make a circle.
        if any(out.startswith(f"{dep}/") for stage in stages for dep in stage.deps) or any(
            out.startswith(f"{dep}/") for dep in deps
        ):
            out = f"f{number}"
        stages.append(stage_of(f"s{number}", deps, [out]))
        outs.append(out)
    stages = [stages[number] for number in numbers]
    with contextlib.chdir(root):
        repo = Repo.init(str(root), no_scm=True)
        theirs = [
            create_stage(PipelineStage, repo=repo, path="dvc.yaml", name=one.name, cmd="true", deps=one.deps,
                         outs_no_cache=[out.path for out in one.outs])
            for one in stages
        ]  # fmt: skip
        graph = build_graph(theirs, build_outs_trie(theirs))
        target = theirs[-1]
        # Of less than half of all stages DVC's order is that of a set, and another each time.
        if 2 * len(networkx.descendants(graph, target)) + 2 < len(theirs):
            repo.close()
            return
        expected = [stage.name for stage in plan_repro(graph, [target])]
        repo.close()
    assert Graph(stages).as_dvc_runs([stages[-1].name]) == expected


def test_stages_are_given_out_in_their_order_once_all_before_them_have_ended() -> None:
    before = {"a": [], "b": ["a", "elsewhere"], "c": [], "d": ["b", "c"]}
    queue = Queue(["a", "b", "c", "d"], before)
    assert [queue.next(), queue.next(), queue.next()] == ["a", "c", None]
    queue.ended("c")
    assert queue.next() is None
    queue.ended("a")
    assert queue.next() == "b"
    assert queue.drop({"d"}) == ["d"]
    queue.ended("b")
    assert (queue.next(), len(queue)) == (None, 0)
