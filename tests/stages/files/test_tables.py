"""The one form in which tables are written."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphseq_manifest.base.errors import ContentError, UnreadableError
from stages.files import tables


def test_tables_are_written_in_one_form(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "id": ["20250305_1", "007"],
            "flag": [True, False],
            "x": [0.1 + 0.2, np.nan],
            "n": [1, 2],
            "z": np.array([1 / 3, 2.0], np.float32),
            "text": ['a "b", c', ""],
        }
    )
    path = tmp_path / "t.csv"
    tables.write(path, table)
    assert path.read_text() == ('id,flag,x,n,z,text\n20250305_1,True,0.3,1,0.333333343,"a ""b"", c"\n007,False,,2,2,\n')
    back = tables.read_text(path)
    assert back["id"].tolist() == ["20250305_1", "007"]
    tables.write(tmp_path / "again.csv", back)
    assert (tmp_path / "again.csv").read_bytes() == path.read_bytes()


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_float32_comes_back_whole(values: list[float]) -> None:
    array = np.array(values, np.float32)
    assert (np.array([np.float32(text) for text in tables.format_numbers(array)], np.float32) == array).all()


@pytest.mark.parametrize("row", ["A,01,0,28.5", "A01,0,28.5,"])
def test_a_row_of_more_cells_than_columns_is_refused(tmp_path: Path, row: str) -> None:
    path = tmp_path / "plate.csv"
    path.write_text(f"well,time_int,temperature\n{row}\n")
    with pytest.raises(ContentError, match=r"plate\.csv: a row has more cells"):
        tables.read_text(path)


def test_a_pipe_in_the_place_of_a_table_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "plate.csv")
    with pytest.raises(UnreadableError, match="not a regular file"):
        tables.read_text(tmp_path / "plate.csv")
