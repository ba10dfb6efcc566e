"""A table counted by blocks is counted as line by line, whatever has become of it."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from morphseq_manifest.cohort.manifests.cohort_manifest import Contribution
from morphseq_manifest.cohort.manifests.table_blocks import blocks, count_expected
from morphseq_manifest.cohort.manifests.table_rows import RowCount, count, count_table
from morphseq_manifest.cohort.row_keys import KEY

HEADER = ",".join([*KEY, "more"]) + "\n"
EXPERIMENTS = ("20240101", "20240101_b", "20240102", "20240103")
EDITS = ("cell", "drop", "double", "swap", "move block", "double block", "rename", "cut", "foreign", "quote", "reverse")


def table(rows: list[int], width: int) -> list[bytes]:
    """A table's lines; 4 KiB and more a block are found by halving."""
    return [
        f"{name},A{number % 12 + 1:02d},{name}_A01_e01,{name}_A01_e01_t{number:04d},{'x' * width}\n".encode()
        for name, count in zip(EXPERIMENTS, rows, strict=True)
        for number in range(count)
    ]


def contributions(lines: list[bytes]) -> dict[str, Contribution]:
    return {
        name: Contribution(rows.rows, 1, 1, 1, rows.contributed, "threshold", "", "", "", {}, {})
        for name, rows in count(lines, []).experiments.items()
    }


def edited(lines: list[bytes], edit: str, one: int, other: int) -> list[bytes]:
    if not lines:
        return [b"20240109,A01,e,s,x\n"]
    one, other = sorted((one % len(lines), other % len(lines)))
    block = lines[one : other + 1]
    return {
        "cell": [*lines[:one], lines[one].replace(b"x\n", b"y\n"), *lines[one + 1 :]],
        "drop": lines[:one] + lines[one + 1 :],
        "double": [*lines[:one], *lines[one:][:1] * 2, *lines[one + 1 :]],
        "swap": [*lines[:one], lines[other], *lines[one + 1 : other], lines[one], *lines[other + 1 :]],
        "move block": [*lines[:one], *lines[other + 1 :], *block],
        "double block": [*lines[: other + 1], *block, *lines[other + 1 :]],
        "rename": [line.replace(EXPERIMENTS[0].encode() + b",", b"20240102,", 1) for line in lines],
        "cut": [*lines[:one], lines[one][: other + 1]],
        "foreign": [*lines[:one], b"20230101,A01,e,s,x\n", *lines[one:]],
        "quote": [*lines[:one], b"\n", b"no row\n", *lines[one:]],
        "reverse": lines[::-1],
    }[edit]


def seen(rows: dict[str, RowCount]) -> list[tuple[str, int, str]]:
    return [(name, found.rows, found.contributed) for name, found in rows.items()]


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 40), min_size=4, max_size=4),
    st.sampled_from([1, 300]),
    st.lists(st.tuples(st.sampled_from(EDITS), st.integers(0, 200), st.integers(0, 200)), max_size=3),
)
def test_blocks_and_lines_count_the_same(
    tmp_path: Path, rows: list[int], width: int, edits: list[tuple[str, int, int]]
) -> None:
    lines = table(rows, width)
    expected = contributions(lines)
    for edit, one, other in edits:
        lines = edited(lines, edit, one, other)
    path = tmp_path / "df01.csv"
    path.write_bytes(HEADER.encode() + b"".join(lines))
    by_lines, by_blocks = count_table(path), count_expected(path, expected)
    assert seen(by_blocks.experiments) == seen(by_lines.experiments)
    assert (by_blocks.columns, by_blocks.faults) == (by_lines.columns, by_lines.faults)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 40), min_size=4, max_size=4),
    st.sampled_from([1, 300]),
    st.sampled_from([None, *EDITS]),
    st.integers(0, 200),
)
def test_blocks_are_the_lines_of_experiments_and_leave_out_none(
    tmp_path: Path, rows: list[int], width: int, edit: str | None, place: int
) -> None:
    lines = table(rows, width)
    expected = [
        (name, b"".join(line for line in lines if line.startswith(f"{name},".encode())))
        for name, count in zip(EXPERIMENTS, rows, strict=True)
        if count
    ]
    path = tmp_path / "df01.csv"
    path.write_bytes(HEADER.encode() + b"".join(lines))
    assert list(blocks(path)) == expected
    assert list(blocks(path, {EXPERIMENTS[2]})) == [part for part in expected if part[0] == EXPERIMENTS[2]]
    if edit:
        lines = edited(lines, edit, place, place + 7)
        path.write_bytes(HEADER.encode() + b"".join(lines))
        assert b"".join(part for _, part in blocks(path)) == b"".join(lines)


def test_what_is_as_expected_is_not_read_line_by_line(tmp_path: Path) -> None:
    lines = table([40, 40, 40, 40], 300)
    path = tmp_path / "df01.csv"
    changed = edited(lines, "cell", 45, 45)
    path.write_bytes(HEADER.encode() + b"".join(changed))
    found = count_expected(path, contributions(lines)).experiments
    assert [name for name, rows in found.items() if rows.wells] == [EXPERIMENTS[1]]
