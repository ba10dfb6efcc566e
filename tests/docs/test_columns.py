"""docs/columns.md and cohort.columns, against the tables that the stages really write."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from morphseq_manifest.cohort import columns, columns_page, row_keys
from morphseq_manifest.cohort.columns import Column, Dtype, Source
from stages.files import layout
from stages.files.tables import format_numbers
from tests.project import PLATES, REPOSITORY

LOOK_LIKE_NUMBERS = {"experiment_date", "BF Channel"}
FORMS = {
    Dtype.FLAG: re.compile(r"True|False"),
    Dtype.INTEGER: re.compile(r"-?\d+"),
    Dtype.FLOAT: re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?"),
    Dtype.SINGLE: re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?"),
    Dtype.TEXT: re.compile(r".*"),
}


def test_the_page_is_up_to_date() -> None:
    page = (REPOSITORY / columns_page.PAGE).read_text(encoding="utf-8")
    assert page == columns_page.render(), "write it anew: python -m morphseq_manifest.cohort.columns_page"


def test_names_are_unique_and_keys_are_columns() -> None:
    names = [column.name for column in columns.COLUMNS]
    assert len(set(names)) == len(names)
    assert {*row_keys.KEY, *row_keys.FRAME_KEY, *row_keys.LATENTS_KEY} <= set(names)


@pytest.mark.parametrize(
    ("count", "nuisance", "expected"),
    [(2, None, ["z_mu_00", "z_mu_01"]), (2, 1, ["z_mu_n_00", "z_mu_b_01"]), (1, 0, ["z_mu_b_00"])],
)
def test_latents_are_numbered_over_both_parts(count: int, nuisance: int | None, expected: list[str]) -> None:
    assert columns.latents(count, nuisance) == expected


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def described(name: str) -> Column:
    """The column of this name, or the pattern that it is one of."""
    pattern = re.sub(r"^(z_mu_(?:[nb]_)?)\d\d+$", r"\1NN", name)
    (column,) = (column for column in columns.COLUMNS if column.name == pattern)
    return column


@pytest.fixture(scope="module")
def tables(built: Path) -> dict[str, pd.DataFrame]:
    """What each stage wrote, and the plate tables; those of experiments one under the other."""
    joined: dict[str, Callable[[str], Path]] = {
        "plate table": layout.plate_table,
        "sam2": layout.sam2_table,
        "build03": layout.build03_table,
        "latents": lambda name: layout.latents_table("demo_a", name),
    }
    parts = {key: [read(built / place(name)) for name in PLATES] for key, place in joined.items()}
    whole = {key: pd.concat(some, ignore_index=True) for key, some in parts.items()}
    return whole | {name: read(built / layout.cohort_table(name)) for name in ("df01", "df02", "df03")}


def test_each_column_is_of_the_stage_that_writes_it(tables: dict[str, pd.DataFrame]) -> None:
    assert list(tables["sam2"].columns) == columns.names(Source.SAM2)
    before = {*tables["sam2"].columns, *tables["plate table"].columns} - {"experiment_date"}
    added = [name for name in tables["build03"].columns if name not in before]
    assert added == columns.names(Source.BUILD03)
    own_of_plate = [name for name in tables["plate table"].columns if name not in {*row_keys.KEY, *row_keys.FRAME_KEY}]
    assert own_of_plate == columns.names(Source.PLATE)
    assert list(tables["df01"].columns) == list(tables["build03"].columns)
    before = set(tables["df01"].columns)
    assert [name for name in tables["df02"].columns if name not in before] == columns.names(Source.DF02)
    before = set(tables["df02"].columns)
    latents = [name for name in tables["df03"].columns if name not in before]
    assert latents == [name for name in tables["latents"].columns if name not in row_keys.LATENTS_KEY]
    assert {described(name).source for name in latents} == {Source.SNIPS, Source.LATENTS}


def test_df01_has_the_key_then_what_the_sources_say_in_their_order(tables: dict[str, pd.DataFrame]) -> None:
    listed = [name for source in (Source.SAM2, Source.PLATE, Source.BUILD03) for name in columns.names(source)]
    rest = [name for name in listed if name not in {*row_keys.KEY, "experiment_id"}]
    assert list(tables["df01"].columns) == [*row_keys.KEY, *rest]


def holds(cells: pd.Series, dtype: Dtype) -> bool:
    return all(FORMS[dtype].fullmatch(cell) for cell in cells)


@pytest.mark.parametrize("table", ["df01", "df02", "df03"])
def test_every_column_is_described_with_the_type_that_it_has(tables: dict[str, pd.DataFrame], table: str) -> None:
    for name, cells in tables[table].items():
        column, known = described(str(name)), cells[cells != ""]
        assert column.meaning, name
        assert column.blank or len(known) == len(cells), f"{name} has blanks, and nothing says what they mean"
        assert holds(known, column.dtype), f"{name} holds more than {column.dtype}: {known.unique()[:3]}"
        if column.dtype in (Dtype.FLOAT, Dtype.SINGLE) and column.source is not Source.PLATE:
            assert format_numbers(known.to_numpy(str(column.dtype))) == known.tolist(), f"{name} has other digits"
        elif not known.empty and column.dtype is Dtype.TEXT and name not in LOOK_LIKE_NUMBERS:
            assert not holds(known, Dtype.FLOAT), f"{name} holds numbers"


def test_every_described_column_is_in_a_table(tables: dict[str, pd.DataFrame]) -> None:
    present = {described(name).name for name in [*tables["df03"].columns, *tables["sam2"].columns]}
    assert {column.name for column in columns.COLUMNS} - present == {"z_mu_NN"}, "demo_a is a split VAE"
