"""How what a workbook says of wells joins the plate table: it goes before it, fills its blanks, and erases nothing."""

from pathlib import Path

import pandas as pd
import pytest

from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.cohort import columns
from stages.files import layout, well_tables

PLATE = pd.DataFrame(
    {
        **dict.fromkeys(columns.measured_of_plate(), "1"),
        "well": ["A01", "A01", "A02", "B01"],
        "time_int": [0, 1, 0, 0],
        "genotype": ["wt", "wt", "", "mut"],
        "start_age_hpf": ["26.0", "26.0", "24", ""],
        "notes": ["a", "b", "", ""],
        "temperature": ["28.5"] * 4,
        "well_qc_flag": ["0"] * 4,
    },
    index=[0, 2, 3, 7],
)


def joined(said: dict[str, list[str]], plate: pd.DataFrame = PLATE) -> pd.DataFrame:
    return well_tables.join(plate, pd.DataFrame(said, dtype=str), "20250305_1")


def test_the_workbook_goes_before_the_table_and_its_blanks_erase_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    plate = joined(
        {
            "well": ["A01", "A02", "B01", "H12"],
            "genotype": ["tbx5a", "wt", "", "wt"],
            "start_age_hpf": ["26", "25", "", "24"],
            "dye": ["", "DAPI", "", ""],
        }
    )
    assert plate["genotype"].tolist() == ["tbx5a", "tbx5a", "wt", "mut"]
    assert plate["start_age_hpf"].tolist() == ["26", "26", "25", ""]
    assert plate["dye"].tolist() == ["", "", "DAPI", ""]
    assert [*plate.columns] == [*PLATE.columns, "dye"]
    assert plate.index.tolist() == PLATE.index.tolist(), "rows keep their number in the file"
    assert plate[["well", "time_int", "notes"]].equals(PLATE[["well", "time_int", "notes"]])
    assert capsys.readouterr().err.splitlines() == [
        "20250305_1: genotype is as the workbook says, not the plate table, in A01 (in A01 'tbx5a', not 'wt')",
        "20250305_1: start_age_hpf is as the workbook says, not the plate table, in A02 (in A02 '25', not '24')",
        "20250305_1: the workbook speaks of 1 wells without a frame: H12",
    ]


def test_a_plate_without_a_workbook_is_what_its_table_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert joined({"well": []}).equals(PLATE)
    assert capsys.readouterr().err == ""


def test_a_workbook_may_bring_what_the_table_lacks() -> None:
    plate = PLATE.drop(columns=["temperature", "well_qc_flag"])
    said = {"well": ["A01", "B01"], "temperature": ["27", "28"], "well_qc_flag": ["", "1"]}
    both = joined(said, plate)
    assert both["temperature"].tolist() == ["27", "27", "", "28"]
    assert both["well_qc_flag"].tolist() == ["", "", "", "1"]
    with pytest.raises(ContentError, match=r"20250305_1_metadata\.csv: lacks the column\(s\) 'temperature'"):
        joined({"well": []}, plate)
    del said["well_qc_flag"]
    with pytest.raises(ContentError, match=r"_metadata\.csv and .*_well_metadata\.xlsx: lacks .* 'well_qc_flag'"):
        joined(said, plate)


def test_a_workbook_that_was_not_read_yet_is_not_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert well_tables.read("20250101").empty
    assert list(well_tables.read_key().columns) == ["chem_perturbation"]
    layout.PLATES.mkdir(parents=True)
    layout.workbook("20250101").touch()
    with pytest.raises(UnreadableError, match=r"wells/20250101.csv"):
        well_tables.read("20250101")
