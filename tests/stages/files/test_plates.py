"""Plate tables as spreadsheets write them: read, or refused naming file, row and column."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from morphseq_manifest.base.errors import ContentError
from stages.files import layout, plates

EXPERIMENT = "20250305_1"
COLUMNS = [
    "well_id", "well", "time_int", "Height (um)", "Width (um)", "Height (px)", "Width (px)", "experiment_date",
    "start_age_hpf", "embryos_per_well", "temperature", "well_qc_flag", "Time Rel (s)", "notes",
]  # fmt: skip
ROWS = [
    f"{EXPERIMENT}_{well},{well},{time},3200,4096.5,400,512,{EXPERIMENT},26,1,28.5,0,{60.5 * time},fine".split(",")
    for well in ("A01", "B12")
    for time in (0, 1)
]
Edit = Callable[[list[list[str]]], None]


def written(path: Path, edit: Edit = lambda lines: None, separator: str = ",") -> Path:
    """A plate table; `edit` changes its lines, each a list of cells, the first one of columns."""
    lines = [list(line) for line in (COLUMNS, *ROWS)]
    edit(lines)
    path.write_text("".join(f"{separator.join(line)}\n" for line in lines))
    return path


def cell(row: int, column: str, text: str) -> Edit:
    """Another text in one cell; rows are counted as an editor does, the first line being 1."""

    def edit(lines: list[list[str]]) -> None:
        lines[row - 1][lines[0].index(column)] = text

    return edit


def column(name: str, text: str) -> Edit:
    """One more column."""

    def edit(lines: list[list[str]]) -> None:
        for number, line in enumerate(lines):
            line.append(text if number else name)

    return edit


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (cell(3, "temperature", "285"), "row 3: temperature is '285', expected 0 to 45"),
        (cell(3, "temperature", "-1"), "row 3: temperature is '-1', expected 0 to 45"),
        (cell(3, "temperature", "inf"), "row 3: temperature is 'inf', which is no number here"),
        (cell(3, "temperature", "warm"), "row 3: temperature is 'warm', not a number. Correct it"),
        (cell(3, "temperature", '"28,5"'), "row 3: temperature is '28,5', not a number. Write 28.5"),
        (cell(2, "Width (px)", "0"), "row 2: Width (px) is '0', expected 1 to 100,000"),
        (cell(2, "Width (um)", "-4096"), "row 2: Width (um) is '-4096', expected 1 to 1,000,000"),
        (cell(2, "Time Rel (s)", "Infinity"), "row 2: Time Rel (s) is 'Infinity', which is no number here"),
        (cell(2, "Time Rel (s)", "-5"), "row 2: Time Rel (s) is '-5', expected 0 or more"),
        (cell(2, "embryos_per_well", "1e9"), "row 2: embryos_per_well is '1e9', expected 0 to 1,000"),
        (cell(5, "experiment_date", "20241224"), "row 5: experiment_date is '20241224', which is not of experiment"),
        (cell(5, "well_id", "20241224_B12"), "is '20241224_B12', which is not of experiment 20250305_1, well B12"),
        (cell(5, "well_id", f"{EXPERIMENT}_B11"), "row 5: well_id is '20250305_1_B11', which is not of"),
        (cell(5, "well", "B13"), "row 5: well 'B13' is not a well"),
        (cell(5, "time_int", "0.5"), "row 5: time_int '0.5' is not a frame number"),
        (cell(5, "time_int", "0"), "row 5: well B12, time_int 0 is duplicated"),
        (column("dead_flag", "False"), "column 'dead_flag' is one that build03 writes. Rename it"),
        (column("use_embryo_flag", "True"), "column 'use_embryo_flag' is one that df02 writes. Rename it"),
        (cell(3, "embryos_per_well", "1.5"), "row 3: embryos_per_well is '1.5', expected a whole number"),
        (cell(3, "well_qc_flag", "0.5"), "row 3: well_qc_flag is '0.5', expected a whole number"),
        (cell(3, "notes", "#N/A"), "row 3: notes is '#N/A', an error of the spreadsheet's. Correct it, or em"),
        (cell(3, "temperature", "#REF!"), "row 3: temperature is '#REF!', an error of the spreadsheet's"),
        (column("genotype", "Err:502"), "row 2: genotype is 'Err:502', an error of the spreadsheet's"),
        (column("genotype", "Loading..."), "row 2: genotype is 'Loading...', an error of the spreadsheet's"),
        (column("Genotype", "wt"), "column 'Genotype' is none that is known. Did you mean 'genotype'? Rename it"),
        (column("strain", "wt"), "column 'strain' is none that is known. Did you mean 'genotype'? Rename it"),
        (column("Chem Perturbation", "DMSO"), "column 'Chem Perturbation' is none that is known. Did you mean 'chem_p"),
        (column("Embryos per well", "1"), "column 'Embryos per well' is none that is known. Did you mean 'embryos_per"),
        (column("Genoytpe", "1"), "column 'Genoytpe' is none that is known. Did you mean 'genotype'?"),
        (column("bf channel", "1"), "column 'bf channel' is none that is known. Did you mean 'BF Channel'?"),
        (cell(3, "Width (um)", "4.096"), "row 3: Width (um) is '4.096' for 512 px, 0.008 um per px, expected 0.02 to"),
        (cell(4, "Time Rel (s)", "61"), "row 5: Time Rel (s) is '60.5' in frame 1 of well B12, less than in the frame"),
        (column("area_px", "1"), "column 'area_px' is one that sam2 writes. Rename it"),
        (column("z_mu_b_07", "1"), "column 'z_mu_b_07' is one that latents writes. Rename it"),
        (column("temperature", ""), "column 'temperature' stands there twice"),
        (lambda lines: lines[2].append("x"), "row 3: has 15 cells, and the first line names 14 columns: 'x' is of"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused_naming_row_and_column(tmp_path: Path, edit: Edit, said: str) -> None:
    path = written(tmp_path / "plate.csv", edit)
    with pytest.raises(ContentError) as refused:
        plates.read_plate(path, EXPERIMENT)
    assert f"{path}" in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_another_separator_is_taken_as_it_is(tmp_path: Path, separator: str) -> None:
    path = written(tmp_path / "plate.csv", cell(3, "temperature", "28,25"), separator)
    path.write_text(re.sub(r"(\d)\.(\d)", r"\1,\2", path.read_text()))
    plate = plates.read_plate(path, EXPERIMENT)
    assert plate["temperature"].tolist() == ["28.5", "28.25", "28.5", "28.5"]
    assert plates.scales(plate, path)["A01", 0] == (4096.5 / 512, 8.0)


@pytest.mark.parametrize(
    "edit",
    [
        cell(3, "temperature", ""),
        cell(3, "temperature", "nan"),
        cell(3, "experiment_date", "2025-03-05"),
        cell(3, "experiment_date", "20250305"),
        cell(3, "experiment_date", ""),
        cell(3, "well_id", "A01"),
        column("microscope", "any"),
        column("phenotype", "any"),
        column("temp (F)", "83"),
        column("stage", "#1"),
        cell(4, "Time Rel (s)", "60.5"),
        cell(4, "Time Rel (s)", ""),
        column("my own; column", "1\t2"),
        lambda lines: [line.append("") for line in lines],
        lambda lines: [line.append("") for line in lines[1:]],
        lambda lines: [line.append("") for line in lines[2:3]],
        cell(3, "notes", " fine\xa0"),
        lambda lines: lines.append([""] * len(COLUMNS)),
    ],
)  # fmt: skip
def test_what_may_be_is_read(tmp_path: Path, edit: Edit) -> None:
    plate = plates.read_plate(written(tmp_path / "plate.csv", edit), EXPERIMENT)
    assert len(plate) == len(ROWS)
    assert not [name for name in plate.columns if name.startswith("Unnamed")]


def test_rows_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    path = written(tmp_path / "plate.csv", cell(4, "temperature", "warm"))
    path.write_text(path.read_text().replace("\n", "\n\n\n", 2))
    line = next(number for number, text in enumerate(path.read_text().splitlines(), start=1) if "warm" in text)
    with pytest.raises(ContentError, match=f"row {line}: temperature"):
        plates.read_plate(path, EXPERIMENT)


def test_a_byte_order_mark_and_line_ends_of_windows_are_read(tmp_path: Path) -> None:
    path = written(tmp_path / "plate.csv")
    text = path.read_text()
    path.write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    assert plates.read_plate(path, EXPERIMENT)["notes"].tolist() == ["fine"] * 4


def test_frame_sizes_are_given_with_their_row(tmp_path: Path) -> None:
    path = written(tmp_path / "plate.csv", cell(3, "Width (px)", ""))
    plate = plates.read_plate(path, EXPERIMENT)
    sizes = plates.frame_sizes(plate, path)
    assert sizes == {("A01", 0): (2, 512, 400), ("B12", 0): (4, 512, 400), ("B12", 1): (5, 512, 400)}
    assert ("A01", 1) not in plates.scales(plate, path)


def test_what_people_decide_may_be_left_to_the_workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "plate.csv", lambda lines: [line.pop(COLUMNS.index("temperature")) for line in lines])
    with pytest.raises(ContentError, match=r"plate\.csv: lacks the column\(s\) 'temperature'. Add them"):
        plates.read_plate(path, EXPERIMENT)
    layout.workbook(EXPERIMENT).parent.mkdir(parents=True)
    layout.workbook(EXPERIMENT).touch()
    assert "temperature" not in plates.read_plate(path, EXPERIMENT).columns
    written(path, lambda lines: [line.pop(COLUMNS.index("Width (um)")) for line in lines])
    with pytest.raises(ContentError, match=r"plate\.csv: lacks the column\(s\) 'Width \(um\)'. Add them"):
        plates.read_plate(path, EXPERIMENT)


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    path = written(tmp_path / "plate.csv", lambda lines: lines.__delitem__(slice(1, None)))
    assert list(plates.read_plate(path, EXPERIMENT).columns) == COLUMNS
