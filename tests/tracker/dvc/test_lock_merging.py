"""Two sides' dvc.lock, stage by stage, in the form that DVC writes."""

from pathlib import Path

import pytest
from dvc.utils.serialize import modify_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.merging import Merged
from morphseq_manifest.tracker.dvc import lock_entries, lock_merging, lock_reading, lock_writing
from morphseq_manifest.tracker.dvc.lock_entries import Entry, Item

# A stage's name, what it makes; of a long command and an odd name, DVC folds and quotes the lines.
stages = st.sampled_from(["images@1", "images@20240418", "sam2@1", "sam2@odd: x", "df01", "df03", "off"])
locks = st.dictionaries(stages, st.integers(0, 3), max_size=5)


def entry(name: str, made: int) -> str:
    cmd = f"python -m {name}{' word' * 20 * (made == 3)}"
    outs = [Item(f"data/{made} of {name}", f"{made:032x}", made)]
    return lock_entries.write(Entry(cmd, [], {"params.yaml": {"a": 1e300}}, outs), name)


def lock(made: dict[str, int]) -> str:
    return lock_writing.HEAD + "".join(entry(name, number) for name, number in made.items())


def merged(base: str, ours: str, theirs: str) -> Merged:
    return lock_merging.merged(base, ours, theirs, "dvc.lock", 7)


def rewritten(text: str, folder: Path) -> str:
    """A lock as DVC writes it when it changes an entry."""
    path = folder / "dvc.lock"
    path.write_text(text)
    with modify_yaml(str(path)) as content:
        content["stages"]["changed"] = {"cmd": "a"}
    with modify_yaml(str(path)) as content:
        del content["stages"]["changed"]
    return path.read_text()


@given(locks.filter(bool), locks.filter(bool), locks.filter(bool))
@settings(max_examples=40, deadline=None)
def test_an_entry_is_of_the_side_that_ran_it(
    tmp_path_factory: pytest.TempPathFactory, base: dict[str, int], ours: dict[str, int], theirs: dict[str, int]
) -> None:
    found = merged(lock(base), lock(ours), lock(theirs))
    wanted, left, again = {}, [], []
    for name in dict.fromkeys([*ours, *theirs]):
        before, here, there = (side.get(name) for side in (base, ours, theirs))
        changed = [made for made in (here, there) if made != before]
        both = here != there and len(changed) == 2
        ran = [made for made in changed if made is not None]
        if both and len(ran) == 2 and "@" in name:
            left.append(name)
        elif both and len(ran) == 2:
            again.append(name)
            wanted[name] = here
        elif both or changed:
            wanted |= {name: ran[0]} if ran else {}
        else:
            wanted[name] = before
    assert found.conflicts == left
    assert [name for name in again if name not in found.remark] == []
    text = found.text
    for name in left:
        conflict = f"<<<<<<< ours\n{entry(name, ours[name])}=======\n{entry(name, theirs[name])}>>>>>>> theirs\n"
        assert conflict in text
        text = text.replace(conflict, "")
    if wanted:
        assert text == lock({name: made for name, made in wanted.items() if made is not None})
        assert rewritten(text, tmp_path_factory.mktemp("lock")) == text, "DVC writes it so"
        assert [*lock_reading.parse(text, "it")] == [*wanted]


def test_the_first_run_on_both_sides() -> None:
    found = merged("", lock({"df01": 1, "sam2@1": 1}), lock({"df01": 2, "sam2@2": 1}))
    assert found.text == lock({"df01": 1, "sam2@1": 1, "sam2@2": 1})
    assert found.remark == "df01: run on both sides: ours stand until they run again"


@pytest.mark.parametrize("side", ["base", "ours", "theirs"])
def test_a_side_that_is_damaged_is_named(side: str) -> None:
    texts = {"base": lock({"a@1": 1}), "ours": lock({"a@1": 2}), "theirs": lock({"a@1": 3})}
    with pytest.raises(ContentError, match=rf"dvc\.lock \({side}\)"):
        merged(*(texts | {side: texts[side][:-9]}).values())
