"""dvc.lock is read fast and, whatever stands in it, as the YAML parser reads it."""

import io
import random
from pathlib import Path
from typing import Any

import pytest
from dvc.exceptions import DvcException
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils.serialize import parse_yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from voluptuous import Invalid

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.tracker.dvc import lock_reading, recorded

names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=30) | st.sampled_from(
    ["20250101", "1e5", "yes", "null", "a: b", "a #b", "'q'", "-x", "2025-01-01", "data/" + "long_" * 20, "a b " * 25]
)
hashes = st.text("0123456789abcdef", min_size=32, max_size=32) | st.sampled_from(["0" * 32, "1e" + "0" * 30])
entries = st.lists(
    st.fixed_dictionaries(
        {"path": names, "hash": st.just("md5"), "md5": hashes},
        optional={"size": st.integers(0, 1 << 50), "nfiles": st.integers(0, 1 << 20)},
    ),
    max_size=3,
    unique_by=lambda entry: entry["path"],
)
params = st.dictionaries(names, st.none() | st.integers() | names | st.lists(st.integers(), max_size=2), max_size=3)
stages = st.dictionaries(
    names,
    st.fixed_dictionaries(
        {"cmd": st.builds(lambda name: f"python -m stages.images '{name}'", names) | names},
        optional={
            "deps": entries,
            "outs": entries,
            "params": st.fixed_dictionaries({"params.yaml": params}),
        },
    ),
    max_size=4,
)


def dumped(value: Any) -> str:
    """As DVC writes a lock."""
    yaml = YAML()
    yaml.default_flow_style = False
    out = io.StringIO()
    yaml.dump(value, out)
    return out.getvalue()


@given(stages)
def test_what_dvc_writes_is_read_as_yaml_reads_it(written: dict[str, Any]) -> None:
    text = dumped({"schema": "2.0", "stages": written})
    found = lock_reading.parse(text, "dvc.lock")
    assert list(found) == list(written)
    for name, entry in written.items():
        assert found[name].cmd == entry["cmd"]
        assert found[name].params() == entry.get("params", {})
        for part in ("deps", "outs"):
            expected = {
                item["path"]: recorded.Recorded(item["md5"], item.get("size"), item.get("nfiles"))
                for item in entry.get(part, [])
            }
            assert getattr(found[name], part) == expected
        assert alone(text, name) == told(found[name])


def test_a_real_lock_is_read_without_the_yaml_parser(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (built / "dvc.lock").read_text()
    by_yaml = lock_reading._parse_yaml(text, "dvc.lock")
    monkeypatch.setattr(lock_reading, "_parse_yaml", lambda *_: pytest.fail("not read line by line"))
    plain = lock_reading.parse(text, "dvc.lock")
    assert len(plain) == 8 * 3 + 5
    for name, entry in by_yaml.items():
        assert (plain[name].cmd, plain[name].deps, plain[name].outs) == (entry.cmd, entry.deps, entry.outs)
        assert plain[name].params() == entry.params()


def test_a_cut_lock_is_refused_or_lacks_only_whole_stages(built: Path) -> None:
    text = (built / "dvc.lock").read_text()
    whole = lock_reading.parse(text, "dvc.lock")
    refused = 0
    for cut in range(0, len(text), 997):
        try:
            part = lock_reading.parse(text[:cut], "dvc.lock")
        except ContentError:
            refused += 1
            continue
        for name, entry in list(part.items())[:-1]:
            assert (entry.cmd, entry.deps, entry.outs) == (whole[name].cmd, whole[name].deps, whole[name].outs)
    assert refused > 5


@pytest.mark.parametrize(
    "text", ["", "\n", "schema: '1.0'\nstages: {}\n", "stages:\n", "a", "schema: '2.0'\nstages:\n  a: 5\n"]
)
def test_what_is_no_lock_is_refused(text: str) -> None:
    with pytest.raises(ContentError, match=r"dvc\.lock"):
        lock_reading.parse(text, "dvc.lock")


def test_nothing_has_run_where_there_is_no_lock(tmp_path: Path) -> None:
    assert lock_reading.read(tmp_path) == {}


WHOLE = dumped(
    {
        "schema": "2.0",
        "stages": {
            "images@20250101": {
                "cmd": "python -m stages.images '20250101'",
                "deps": [{"path": "data/frames", "hash": "md5", "md5": "ab" * 16 + ".dir", "size": 70, "nfiles": 4}],
                "params": {"params.yaml": {"versions.images": 1}},
                "outs": [{"path": "manifests/" + "long_" * 20, "hash": "md5", "md5": "12" * 16, "size": 115}],
            },
            "df01": {
                "cmd": "python -m stages.df01" + " long" * 20,
                "deps": [{"path": name, "hash": "md5", "md5": "cd" * 16, "size": 1} for name in ("a", "b")],
                "params": {"params.yaml": {"sam2": {"large": 0.2, "names": ["a", "b"]}}},
            },
        },
    }
)
_ODD = "0a: '\n-#\t,[{\"&*!|>%@?~.\0\x85"


def damage(text: str, number: int) -> str:
    """One character or line of a text changed, left out or doubled, or its end cut off."""
    chance = random.Random(number)
    at, odd = chance.randrange(len(text)), chance.choice(_ODD)
    lines = text.splitlines(keepends=True)
    row = chance.randrange(len(lines))
    before, line, after = "".join(lines[:row]), lines[row], "".join(lines[row + 1 :])
    return [
        text[:at] + odd + text[at + 1 :],
        text[:at] + odd + text[at:],
        text[:at] + text[at + 1 :],
        text[:at],
        before + after,
        before + line + line + after,
        before + line[2:] + after,
        before + "  " + line + after,
        before + line.rstrip("\n")[: chance.randrange(len(line))] + "\n" + after,
    ][number % 9]


def read(text: str, by_yaml: bool = False) -> dict[str, Any] | None:
    """All that stands in a lock; None if it is refused."""
    try:
        found = (lock_reading._parse_yaml if by_yaml else lock_reading.parse)(text, "dvc.lock")
        return {name: told(entry) for name, entry in found.items()}
    except ContentError:
        return None


def alone(text: str, stage: str) -> Any:
    """What stands of one stage in a lock that is not refused."""
    entry = lock_reading.parse_stage(text, "dvc.lock", stage)
    return entry and told(entry)


def told(entry: lock_reading.StageLock) -> tuple[Any, ...]:
    return entry.cmd, entry.deps, entry.outs, entry.params()


def dvc_takes(text: str) -> bool:
    try:
        return bool(COMPILED_LOCKFILE_SCHEMA(parse_yaml(text, "dvc.lock")))
    except (DvcException, Invalid, ValueError):
        return False


def test_a_damaged_lock_is_read_as_yaml_reads_it_or_refused_and_never_what_dvc_refuses() -> None:
    assert read(WHOLE)
    assert dvc_takes(WHOLE)
    refused = 0
    for number in range(1800):
        text = damage(WHOLE, number)
        found = read(text)
        refused += found is None
        if found is not None:
            assert alone(text, "df01") == found.get("df01")
            assert found == read(text, by_yaml=True), text
            assert dvc_takes(text), text
    assert 600 < refused < 1600
