"""The typed copy of a table: cells are what the stages take them for, blanks null, and what can't be is refused."""

import math
import struct
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import typed_tables

# A column of each type, and one that a plate table brought along.
NAMES = ["experiment_date", "snip_id", "area_px", "temperature", "z_mu_b_07", "dead_flag", "brought"]
TYPES = [pa.string(), pa.string(), pa.int64(), pa.float64(), pa.float32(), pa.bool_(), pa.string()]


def single(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def lines(*rows: tuple[str, ...]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()


def test_the_types_are_those_of_the_columns() -> None:
    assert typed_tables.schema(NAMES) == pa.schema(list(zip(NAMES, TYPES, strict=True)))


def test_blank_is_null_and_what_looks_like_a_number_or_a_blank_stays_text() -> None:
    rows = lines(("20240418", "a", "", "", "", "", ""), ("NA", "nan", "7", "28.5", "0.1", "False", "1e5"))
    table = typed_tables.typed(rows, NAMES, "it")
    blank, whole = table.to_pylist()
    assert list(blank.values()) == ["20240418", "a", None, None, None, None, None]
    assert list(whole.values()) == ["NA", "nan", 7, 28.5, single(0.1), False, "1e5"]


@pytest.mark.parametrize(
    ("place", "cell", "value"),
    [
        (2, "7.0", 7), (2, " 7 ", 7), (2, "nan", None), (2, "9007199254740993", 9007199254740993),
        (3, "NaN", None), (3, " 28.5", 28.5), (3, "  ", None), (3, "+1E-3", 0.001),
        (4, "nan", None), (5, "1", True), (5, " True", True), (6, " 7 ", " 7 "),
    ],
)  # fmt: skip
def test_a_cell_is_taken_as_the_stages_take_it(place: int, cell: str, value: object) -> None:
    row = ["20240418", "a", "1", "2", "3", "True", "x"]
    row[place] = cell
    other = ("20240418", "b", "4", "5.5", "6.5", "False", "")
    first, second = typed_tables.typed(lines(tuple(row), other), NAMES, "it").to_pylist()
    assert first[NAMES[place]] == value
    assert list(second.values()) == ["20240418", "b", 4, 5.5, 6.5, False, None]


@pytest.mark.parametrize(
    ("place", "cell", "expected"),
    [
        (2, "7.5", "area_px is '7.5', expected a whole number"), (2, "inf", "area_px is 'inf'"),
        (2, "1e30", "area_px is '1e30', expected a whole number"),
        (3, "warm", "temperature is 'warm', expected a number"), (3, "1e999", "temperature is '1e999'"),
        (3, "1_0", "temperature is '1_0'"), (3, "-inf", "temperature is '-inf'"), (3, "0x10", "temperature is '0x10'"),
        (4, "inf", "z_mu_b_07 is 'inf'"), (5, "maybe", "dead_flag is 'maybe', expected True or False"),
    ],
)  # fmt: skip
def test_a_cell_that_is_not_of_its_type_is_refused_with_its_row_and_column(
    place: int, cell: str, expected: str
) -> None:
    row = ["20240418", "20240418_A01_e01_t0007", "1", "2", "3", "True", "x"]
    row[place] = cell
    rows = lines(("20240418", "a", "1", "2", "3", "True", "x"), tuple(row))
    with pytest.raises(ContentError, match=r"^it, row 20240418_A01_e01_t0007: ") as caught:
        typed_tables.typed(rows, NAMES, "it")
    assert expected in str(caught.value)
    cures = {"temperature": "Correct it in the plate table", "area_px": "Run sam2 again", "z_mu_b_07": "latents again"}
    assert str(caught.value).endswith(cures.get(NAMES[place], "Run build03 again"))


def test_lines_with_other_columns_are_refused() -> None:
    with pytest.raises(ContentError, match="it: not a table of 7 columns"):
        typed_tables.typed(b"a,b\n", NAMES, "it")


numbers = st.floats(allow_nan=False, allow_infinity=False)
whole_numbers = st.integers(-(2**53), 2**53)


rows_of_numbers = st.tuples(st.none() | numbers, st.none() | whole_numbers, st.sampled_from([None, True, False]))


@given(st.lists(rows_of_numbers))
def test_every_number_comes_back_to_the_digit(rows: list[tuple[object, ...]]) -> None:
    names = ["temperature", "area_px", "dead_flag", "snip_id"]
    cells = [tuple("" if value is None else str(value) for value in row) for row in rows]
    table = typed_tables.typed(lines(*((*row, "x") for row in cells)), names, "it")
    assert [tuple(row.values())[:3] for row in table.to_pylist()] == rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 50), max_size=4))
def test_an_experiment_is_a_row_group_and_the_same_lines_give_the_same_bytes(tmp_path: Path, sizes: list[int]) -> None:
    parts = []
    for number, size in enumerate(sizes):
        rows = ((f"e{number}", f"s{row}", str(row), str(math.sqrt(row)), "", "True", "é") for row in range(size))
        parts.append(typed_tables.typed(lines(*rows), NAMES, "it"))
    for name in ("one.parquet", "other.parquet"):
        with typed_tables.writing(tmp_path / name, NAMES) as write:
            for part in parts:
                write(part)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "other.parquet").read_bytes()
    file = parquet.ParquetFile(tmp_path / "one.parquet")
    groups = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert groups == [size for size in sizes if size]
    assert file.read().equals(pa.concat_tables([typed_tables.schema(NAMES).empty_table(), *parts]))
