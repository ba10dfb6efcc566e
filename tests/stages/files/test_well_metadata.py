"""What a workbook says of wells, in every form in which labs fill them in; and what is refused, by sheet and cell."""

from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from morphseq_manifest.base.errors import ContentError
from stages.files import well_metadata
from tests.stages.files.books import Fill, also, grid, rows, write

EXPERIMENT = "20250305_1"
WELLS = [f"{letter}{number:02d}" for letter in "ABCDEFGH" for number in range(1, 13)]


def said(folder: Path, sheets: Mapping[str, Fill]) -> dict[str, dict[str, str]]:
    """What a workbook of these sheets says: by variable, then by well, without blanks."""
    table = well_metadata.read(write(folder / "book.xlsx", sheets), EXPERIMENT).table.set_index("well")
    return {str(name): {str(well): cell for well, cell in table[name].items() if cell} for name in table.columns}


def refused(folder: Path, sheets: Mapping[str, Fill]) -> str:
    path = write(folder / "book.xlsx", sheets)
    with pytest.raises(ContentError) as error:
        well_metadata.read(path, EXPERIMENT)
    message = str(error.value)
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


GENOTYPES = {"A01": "wt", "A02": "tbx5a", "H12": "wt"}


@pytest.mark.parametrize(
    "fill",
    [
        grid(GENOTYPES),
        grid(GENOTYPES, top=4, left=7),
        grid(GENOTYPES, numbers=[f"{number:02d}" for number in range(1, 13)]),
        grid(GENOTYPES, numbers=[float(number) for number in range(1, 13)]),
        grid({well: f" {value} \xa0" for well, value in GENOTYPES.items()}),
        also(grid(GENOTYPES, top=3), rows(["Genotypes of the plate"], [None, "by Anna"])),
        also(grid(GENOTYPES), rows(["genotype"])),
        also(grid(GENOTYPES), rows(["well"])),
        rows(["well", "genotype"], ["A1", "wt"], ["a02", "tbx5a"], ["H12", "wt"]),
        rows(["Genotype", None, "Well "], ["wt", None, "A01"], ["tbx5a", None, "A2"], [], ["wt", None, "h12"]),
        rows(["well", "line"], ["A01", "wt"], ["A02", "tbx5a"], ["B05"], ["H12", "wt"], top=5, left=3),
    ],
)
def test_genotypes_are_read_from_a_grid_or_from_rows(tmp_path: Path, fill: Fill) -> None:
    assert said(tmp_path, {"Genotype": fill})["genotype"] == GENOTYPES


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    values=st.dictionaries(st.sampled_from(WELLS), st.text("abcdefgh12_-+;/ µ", min_size=1).filter(str.strip)),
    top=st.integers(1, 30),
    left=st.integers(1, 30),
)
def test_a_grid_and_rows_say_the_same(tmp_path: Path, values: dict[str, str], top: int, left: int) -> None:
    one = said(tmp_path, {"genotype": grid(values, top, left)})
    assert one == {"genotype": {well: value.strip() for well, value in values.items()}}
    assert said(tmp_path, {"any": rows(["well", "genotype"], *values.items(), top=min(top, 20), left=left)}) == one


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("strain", "genotype"), ("Line", "genotype"), ("chemical", "chem_perturbation"),
        ("Treatment", "chem_perturbation"), ("compound", "chem_perturbation"), ("age", "start_age_hpf"),
        ("Start age (hpf)", "start_age_hpf"),
        ("Temp", "temperature"), ("temperature [C]", "temperature"), ("N embryos", "embryos_per_well"),
        ("age (hours)", "start_age_hpf"), ("age [h]", "start_age_hpf"), ("temp (°C)", "temperature"),
        ("temperature (deg C)", "temperature"), ("phenotype", "phenotype"), ("stain", "stain"),
        ("treatment_2", "treatment_2"), ("genotype\u200b", "genotype"), ("image", "image"), ("sex (f)", "sex (f)"),
        ("QC", "well_qc_flag"), ("medium", "medium"), ("dye", "dye"), ("Dose (uM)", "Dose (uM)"),
    ],
)  # fmt: skip
def test_variables_go_by_several_names(tmp_path: Path, title: str, name: str) -> None:
    assert said(tmp_path, {"x": rows(["well", title], ["B3", 1])}) == {name: {"B03": "1"}}
    if "[" not in title:  # which can't be in a sheet's name
        assert said(tmp_path, {title: grid({"B03": 1})}) == {name: {"B03": "1"}}


def test_values_are_written_as_excel_shows_them(tmp_path: Path) -> None:
    assert said(
        tmp_path,
        {
            "start_age_hpf": grid({"A01": 24, "A02": 26.5, "A03": "27", "A04": 0.1 + 0.2, "A05": 30.0}),
            "genotype": grid({"A01": 5, "A02": True, "A03": "wt  \n", "A04": "   ", "A05": "n/a"}),
            "embryos_per_well": grid({"A01": 1, "A02": 1.0, "A03": "2"}),
            "born": grid({"A01": date(2025, 3, 5), "A02": datetime(2025, 3, 5, 7, 30), "A03": time(7, 30)}),
        },
    ) == {
        "genotype": {"A01": "5", "A02": "TRUE", "A03": "wt", "A05": "n/a"},
        "start_age_hpf": {"A01": "24", "A02": "26.5", "A03": "27", "A04": "0.3", "A05": "30"},
        "embryos_per_well": {"A01": "1", "A02": "1", "A03": "2"},
        "born": {"A01": "2025-03-05", "A02": "2025-03-05 07:30:00", "A03": "07:30:00"},
    }


def merge(area: str) -> Fill:
    def fill(sheet: Worksheet) -> None:
        sheet.merge_cells(area)

    return fill


def test_a_merged_cell_stands_for_all_its_wells(tmp_path: Path) -> None:
    filled = also(also(grid({"A01": "wt", "C01": "tbx5a"}), merge("B2:M3")), merge("B4:C4"))
    assert said(tmp_path, {"genotype": filled})["genotype"] == {
        **{f"{letter}{number:02d}": "wt" for letter in "AB" for number in range(1, 13)},
        "C01": "tbx5a",
        "C02": "tbx5a",
    }


def test_a_smaller_plate_says_nothing_of_other_wells(tmp_path: Path) -> None:
    assert said(tmp_path, {"genotype": grid(GENOTYPES | {"D06": "wt"}, letters="ABCD", numbers=range(1, 7))}) == {
        "genotype": {"A01": "wt", "A02": "tbx5a", "D06": "wt"}
    }


def hide(sheet: Worksheet) -> None:
    sheet.sheet_state = "hidden"


def test_what_is_not_read_is_noted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "book.xlsx",
        {
            "genotype": also(grid(GENOTYPES), rows(["Anna"], ["x", "y"], top=12, left=2)),
            "old": also(grid({"A01": "old"}), hide),
            "Notes": rows(["the incubator was warm"]),
            "Sheet4": rows(),
            "rows": rows(["well", "dye"], ["A01", "DAPI", "a remark"]),
        },
    )
    read = well_metadata.read(path, EXPERIMENT)
    assert list(read.table.columns) == ["well", "genotype", "dye"]
    assert read.notes == [
        f"{path}: sheet 'genotype': 3 cells outside of its table are not read",
        f"{path}: sheet 'old' is hidden, and so not read",
        f"{path}: sheet 'Notes' is not of wells, and so not read",
        f"{path}: sheet 'rows': 1 cells outside of its table are not read",
    ]


@pytest.mark.parametrize(
    ("sheets", "message"),
    [
        ({"genotype": grid({"B03": "#N/A"})}, ", sheet 'genotype', cell D3: genotype is '#N/A', an error of Excel's"),
        ({"genotype": grid({"B03": "#REF!"})}, ", sheet 'genotype', cell D3: genotype is '#REF!', an error of Excel's"),
        ({"age": grid({"A01": "=24+2"})}, ", sheet 'age', cell B2: start_age_hpf is '=24+2': a formula that was never"),
        ({"dye": grid({"A01": "=B3"})}, ", sheet 'dye', cell B2: dye is '=B3': a formula that was never computed. Op"),
        ({"dye": grid({"A01": "a\nb"})}, r", sheet 'dye', cell B2: dye is 'a\nb': it holds a line break. Remove it"),
        ({"age": grid({"A01": "26,5"})}, ", cell B2: start_age_hpf is '26,5', not a number. Write 26.5"),
        ({"age": grid({"A01": "old"})}, ", cell B2: start_age_hpf is 'old', not a number. Correct it"),
        ({"temp": grid({"A01": 285})}, ", cell B2: temperature is '285', expected 0 to 45. Correct it"),
        ({"temp": grid({"A01": "inf"})}, ", cell B2: temperature is 'inf', expected 0 to 45"),
        ({"temp": grid({"A01": True})}, ", cell B2: temperature is 'TRUE', expected a number: 1 or 0"),
        ({"n_embryos": grid({"A01": 1.5})}, ", cell B2: embryos_per_well is '1.5', expected a whole number"),
        ({"age": grid({"A01": date(2025, 5, 26)})}, ", cell B2: start_age_hpf is '2025-05-26': Excel has taken it for"),
        ({"line": grid({"A01": date(2025, 5, 1)})}, ", cell B2: genotype is '2025-05-01': Excel has taken it for a d"),
        ({"genotype": grid({}, letters="ABCDEFGHI")}, ", cell A10: labelled 'I', expected nothing after H: a plate h"),
        ({"genotype": grid({}, letters="ABD")}, ", cell A4: labelled 'D', expected C: a plate has the wells A01 to H"),
        ({"genotype": grid({}, numbers=range(1, 14))}, ", cell N1: labelled '13', expected nothing after 12"),
        ({"genotype": grid({}, numbers=[1, 2, 4])}, ", cell D1: labelled '4', expected 3"),
        (
            {"genotype": also(grid({}, letters="ABCD"), rows(["E", "wt"], ["F"], ["G"], ["H"], top=7))},
            ", sheet 'genotype', cell A7: labelled 'E', expected at A6, right after 'D'. Remove what is between",
        ),
        (
            {"genotype": also(grid({}, numbers=range(1, 7)), rows(range(7, 13), left=9))},
            ", sheet 'genotype', cell I1: labelled '7', expected at H1, right after '6'. Remove what is between",
        ),
        ({"x": rows(["well", "genotype"], ["A13", "wt"])}, ", sheet 'x', cell A2: 'A13' is not a well (A01 to H12)"),
        ({"x": rows(["well", "genotype"], ["I01", "wt"])}, ", sheet 'x', cell A2: 'I01' is not a well (A01 to H12)"),
        ({"x": rows(["well", "genotype"], ["A1", "wt"], ["A01", "wt"])}, ", cell A3: well A01 is duplicated. Remove"),
        ({"x": rows(["well", "genotype"], [None, "wt"])}, ", cell B2: a value without a well in its row. Name the we"),
        ({"x": rows(["well", "age", "Age"], ["A1", 1, 2])}, ", sheet 'x': 'Age' is start_age_hpf, and so is 'age' of"),
        ({"line": grid({}), "genotype": grid({})}, ", sheet 'genotype': 'genotype' is genotype, and so is 'line' of"),
        ({"dye": grid({}), "x": rows(["well", "dye"])}, ", sheet 'x': 'dye' is dye, and so is 'dye' of sheet 'dye'"),
        ({"genotype": also(grid({}), grid({}, top=12))}, ", sheet 'genotype': two tables of wells, at A1 and A12. Gi"),
        ({"x": also(grid({}), rows(["well"], top=20))}, ", sheet 'x': two tables of wells, at A1 and A20"),
        ({"Genotype": rows(["wt everywhere"])}, ", sheet 'Genotype': neither a plate's grid (A to H by 1 to 12) nor a"),
        ({"Sheet1": grid(GENOTYPES)}, ", sheet 'Sheet1': holds a plate, and its name says no variable. Name the sheet"),
        ({"Width (um)": grid({})}, ", sheet 'Width (um)': 'Width (um)' comes from the microscope, with the plate tab"),
        ({"x": rows(["well", "Time Rel (s)"])}, ", sheet 'x': 'Time Rel (s)' comes from the microscope"),
        ({"time_int": grid({})}, ", sheet 'time_int': 'time_int' is one that sam2 writes. Rename it"),
        ({"dead_flag": grid({})}, ", sheet 'dead_flag': 'dead_flag' is one that build03 writes. Rename it"),
        ({"z_mu_b_07": grid({})}, ", sheet 'z_mu_b_07': 'z_mu_b_07' is one that latents writes. Rename it"),
        ({"Notes": rows(["nothing"])}, ": no sheet says anything of wells"),
        ({"x": rows(["well", "Experiment date"], ["A1", 20241224])}, ": experiment_date of well A01 is '20241224', w"),
        ({"x": rows(["well", "well_id"], ["A1", f"{EXPERIMENT}_A02"])}, ": well_id of well A01 is '20250305_1_A02',"),
        ({"age (dpf)": grid({"A01": 2})}, ": 'age (dpf)' is in dpf, expected hpf. Write it in hpf, as 'start_age_hpf'"),
        ({"age dpf": grid({"A01": 2})}, ": 'age dpf' is in dpf, expected hpf. Write it in hpf, as 'start_age_hpf'"),
        ({"x": rows(["well", "temp (F)"], ["A1", 83])}, ": 'temp (F)' is in F, expected degC. Write it in degC, as"),
        ({"x": rows(["well", "temp_f"], ["A1", 83])}, ": 'temp_f' is in f, expected degC. Write it in degC, as"),
        ({"x": rows(["well", "qc (1 = good)"], ["A1", 1])}, ": what '1 = good' says of well_qc_flag in 'qc (1 = good)"),
        ({"genotype (old)": grid({})}, ": what 'old' says of genotype in 'genotype (old)' is not known. Call it 'gen"),
        ({"x": rows(["well", "treatment [uM]"])}, ": what 'uM' says of chem_perturbation in 'treatment [uM]' is not"),
        *(
            ({name: grid(GENOTYPES)}, f", sheet {name!r}: holds a plate, and its name says no variable. Name the sheet")
            for name in (
                "Feuil1", "Tabellenblatt1", "Sheet1 (2)", "Copy of Sheet1", "Página1", "Лист1", "工作表1", "Arkusz1",  # noqa: RUF001
                "List1", "Munka1", "Hoja 1", "Foglio1",
            )
        ),
        *(
            ({name: grid(GENOTYPES)}, f": {name!r} is no variable that is known. Did you mean 'genotype'? If not, call")
            for name in ("Genotypes", "Genoytpe", "genotpye", "Copy of genotype", "lines", "genotype2")
        ),
        ({"x": rows(["well", "temparature"])}, ": 'temparature' is no variable that is known. Did you mean 'temperatu"),
        ({"x": rows(["well", "#REF!"])}, ", cell B1: names a column, and is '#REF!', expected a name. Write the name"),
        ({"x": rows(["well", "=A9"])}, ", cell B1: names a column, and is '=A9', expected a name. Write the name"),
        ({"dye": grid({"A01": "a\u2028b"})}, r", sheet 'dye', cell B2: dye is 'a\u2028b': it holds a line break. Rem"),
        ({"dye": grid({"A01": "a_x000B_b"})}, r", cell B2: dye is 'a\x0bb': it holds a line break. Remove it"),
        ({"dye": grid({"A01": "Err:502"})}, ", cell B2: dye is 'Err:502', an error of Excel's"),
        ({"far": also(grid({"A01": 1}), merge("B2:XFD9"))}, ", sheet 'far': more cells than any plate's"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused_naming_sheet_and_cell(
    tmp_path: Path, sheets: dict[str, Fill], message: str
) -> None:
    assert message in refused(tmp_path, sheets)


def test_the_plate_s_own_name_is_no_variable(tmp_path: Path) -> None:
    lines = [["well", "well_id", "experiment_date", "dye"], ["A1", f"{EXPERIMENT}_A01", "2025-03-05", "DAPI"]]
    assert said(tmp_path, {"x": rows(*lines)}) == {"dye": {"A01": "DAPI"}}
